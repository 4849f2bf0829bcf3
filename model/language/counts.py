"""Counts: "two dogs" and "a pair of shoes" say how many, which no segment tells."""

from __future__ import annotations

from collections.abc import Sequence

from model.language.closed_words import closed_phrases, closed_words
from model.language.plurals import is_plural

_FAR = 4  # words from a number within which the noun stands that it counts


def without_counts(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words without what says how many there are, and each of these counts as a text.

    A number counts something only where a plural follows: "two red cars", but not "route 66". A
    pair of what has no singular (scissors) is one thing: that it is a pair is left out unsaid.
    """
    kept: list[str] = []
    counts: list[str] = []
    at = 0
    while at < len(words):
        length = _quantity(words, at) or _number(words, at)
        if not length:
            kept.append(words[at])
            at += 1
            continue
        if words[at + length] not in closed_words("plural_only"):
            counts.append(" ".join(words[at : at + length]))
        at += length
    return kept, counts


def _quantity(words: Sequence[str], at: int) -> int:
    """Number of words from there on that are a quantity of what follows; 0 for none."""
    for phrase in closed_phrases("quantities"):
        end = at + len(phrase)
        if tuple(words[at:end]) == phrase and end < len(words) and words[end] != ",":
            return len(phrase)
    return 0


def _number(words: Sequence[str], at: int) -> int:
    """Number of words from there on that are a number counting what follows; 0 for none."""
    end = at
    while end < len(words) and _is_number(words[end]):
        end += 1
    following = _until_break(words[end : end + _FAR])
    if end == at or not following:
        return 0
    one = words[at:end] in (["one"], ["single"], ["1"])
    return end - at if one or any(map(is_plural, following)) else 0


def _is_number(word: str) -> bool:
    return word in closed_words("numbers") or (word.isdecimal() and len(word) <= len("999"))


def _until_break(words: Sequence[str]) -> list[str]:
    """The words up to the first that ends a noun phrase."""
    breaks = closed_words("ending_negation") | closed_words("linking") | {","}
    for place, word in enumerate(words):
        if word in breaks:
            return list(words[:place])
    return list(words)
