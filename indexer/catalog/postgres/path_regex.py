"""Patterns of paths as PostgreSQL's regular expressions: what `PathPattern` means, in one text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from indexer.catalog.path_pattern import PART, PathPattern, class_spans

_BYTES = 0xF700 - 0xDC00  # bytes that are no text, in a part of Unicode that nobody uses


def searchable(path: str) -> str:
    """A path as it is kept to be searched: composed letters, and a character for every odd byte."""
    return "".join(map(_storable, unicodedata.normalize("NFC", path)))


def path_regex(pattern: PathPattern) -> str | None:
    """An expression that the searchable path of every file meant meets; None where none can."""
    whole = [part for glob in pattern.globs if (part := _expression(glob)) is not None]
    names = [
        part for glob in pattern.name_globs if (part := _expression(glob, name=True)) is not None
    ]
    if names:
        whole.append(f"(?:.*/)?(?:{'|'.join(names)})")
    return f"^(?:{'|'.join(whole)})$" if whole else None


def _expression(glob: str, *, name: bool = False) -> str | None:
    """One glob; None for one that nothing meets."""
    parts = [_of_part(part, name) for part in PART.findall(glob)]
    return None if None in parts else "".join(part for part in parts if part is not None)


def _of_part(part: str, name: bool) -> str | None:
    anything = "[^/]" if name else "."
    if part.startswith("*"):
        return anything + "*"
    if part == "?":
        return anything
    if part == "[":
        return None  # a class without an end meets nothing
    if len(part) == 1:
        return _escaped(part)
    negated, spans = class_spans(part[1:-1])
    if not spans:
        return anything if negated else None
    return f"[{'^' * negated}{''.join(_ranges(spans))}{'/' if name and negated else ''}]"


def _ranges(spans: Iterable[tuple[str, str]]) -> Iterable[str]:
    for low, high in spans:
        yield _escaped(low) + (f"-{_escaped(high)}" if low < high else "")


def _escaped(character: str) -> str:
    character = _storable(character)
    if character.isascii() and character.isalnum():
        return character
    return f"\\U{ord(character):08x}"


def _storable(character: str) -> str:
    return chr(ord(character) + _BYTES) if "\udc80" <= character <= "\udcff" else character
