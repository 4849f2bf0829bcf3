"""Beginnings of the paths that a pattern means, so that an index of paths need be read in part."""

from __future__ import annotations

import os
import unicodedata
from functools import cache

from indexer.catalog.path_pattern import PART, PathPattern, class_spans

_TWINS = (
    (0x340, 0x343), (0x374, 0x387), (0x1FBE, 0x1FBE), (0x1FEF, 0x2001), (0x2126, 0x212A),
    (0x2329, 0x232A), (0xF900, 0xFAD9), (0x2F800, 0x2FA1D),
)  # fmt: skip
"""Code points among which are all that are, decomposed, one other character: a kelvin sign is K."""

Range = tuple[bytes, bytes]
"""The least bytes of a path, and those that it lies below."""


def path_ranges(pattern: PathPattern) -> list[Range] | None:
    """Ranges of bytes, in one of which every path lies that a pattern means; None for any path.

    Others may lie there, too: they are narrowed down to, not chosen.
    """
    if pattern.name_globs:
        return None
    found: set[str] = set()
    for glob in pattern.globs:
        beginning = _literal_beginning(glob)
        if beginning is not None:
            found |= _spellings(beginning)
    if "" in found:
        return None
    return [_range(os.fsencode(each)) for each in sorted(found)]


def _literal_beginning(glob: str) -> str | None:
    """What stands before the first wildcard; None where nothing meets the glob."""
    beginning = ""
    for part in PART.findall(glob):
        if part == "[":
            return None
        if len(part) > 1 and part.startswith("["):
            negated, spans = class_spans(part[1:-1])
            if negated or len(spans) != 1 or spans[0][0] < spans[0][1]:
                break
            part = spans[0][0]
        elif part.startswith(("*", "?")):
            break
        beginning += part
    return beginning


def _spellings(beginning: str) -> set[str]:
    """Beginnings that cover all ways to spell one that is in NFC, up to the first letter that is
    another sequence of characters when it is decomposed."""
    found = set[str]()
    for place, character in enumerate(beginning):
        is_one = unicodedata.normalize("NFD", character) == character
        if not is_one or unicodedata.combining(character):
            return found | {beginning[:place]}
        found |= {beginning[:place] + twin for twin in _twins().get(character, ())}
    return found | {beginning}


@cache
def _twins() -> dict[str, list[str]]:
    """By character: others that are the same in NFC."""
    found: dict[str, list[str]] = {}
    for first, last in _TWINS:
        for twin in map(chr, range(first, last + 1)):
            plain = unicodedata.normalize("NFD", twin)
            if len(plain) == 1 and plain != twin:
                found.setdefault(plain, []).append(twin)
    return found


def _range(beginning: bytes) -> Range:
    kept = beginning.rstrip(b"\xff")
    return beginning, kept[:-1] + bytes([kept[-1] + 1])
