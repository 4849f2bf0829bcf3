"""Negation: "street without cars" asks for a street, and for no cars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from model.language.closed_words import closed_phrases, closed_words

Words = list[str]
_PERSON = "person"
_PLACING = frozenset({"in", "on", "at", "under", "near", "above", "below", "behind", "beside"})


@dataclass(frozen=True)
class Denied:
    """A question in its parts.

    Attributes:
        asked: the words that say what should be there.
        denied: things that should not be there, each as its words.
        unclear: negations that are left out, since they name no thing.
    """

    asked: Words
    denied: list[Words] = field(default_factory=list)
    unclear: list[Words] = field(default_factory=list)


def split_negatives(words: Sequence[str]) -> Denied:
    """The parts of a question, given as words in lower case.

    What a sign prohibits is its name: "no parking sign" denies nothing.
    """
    parts = Denied([])
    at = 0
    while at < len(words):
        if words[at] in closed_words("denied_person"):
            parts.denied.append([_PERSON])
            at += 1
            continue
        start = at + _negation(words, at)
        end = _end_of_scope(words, start)
        scope = list(words[start:end])
        if start == at or _is_name(scope) or not scope:
            parts.asked.append(words[at])
            at += 1
            continue
        _sort(scope, list(words[at:end]), parts)
        at = end
    if parts.denied or parts.unclear:
        return Denied(_trimmed(parts.asked), parts.denied, parts.unclear)
    return parts


def _negation(words: Sequence[str], at: int) -> int:
    """Number of words from there on that are one negation; 0 for none."""
    for phrase in closed_phrases("negating"):
        if tuple(words[at : at + len(phrase)]) == phrase:
            return len(phrase)
    return 0


def _end_of_scope(words: Sequence[str], start: int) -> int:
    """End of the part that a negation is said of."""
    end = start
    while end < len(words):
        stops = words[end] == "," or words[end] in closed_words("ending_negation")
        if end > start and (stops or _negation(words, end)):
            break
        if words[end] == ",":
            break
        end += 1
    return end


def _is_name(scope: Words) -> bool:
    """Whether the word before belongs to a name: no parking, no dogs sign, no 5."""
    return bool(scope) and (
        scope[0] in closed_words("prohibited")
        or scope[-1] in closed_words("signs")
        or all(word.isdigit() for word in scope)
    )


def _sort(scope: Words, said: Words, parts: Denied) -> None:
    """Add what is denied to the parts."""
    if scope[0] in _PLACING:
        parts.unclear.append(said)
        return
    named = []
    for each in _divided(scope):
        thing = _trimmed([w for w in each if w not in closed_words("ending_negation")])
        if thing in (["one"], ["anyone"], ["anybody"]):
            thing = [_PERSON]
        if thing and thing not in (["anything"], ["nothing"]):
            named.append(thing)
    parts.denied.extend(named)
    if not named:
        parts.unclear.append(said)


def _divided(scope: Words) -> list[Words]:
    """The things of a list: cars or people."""
    parts: list[Words] = [[]]
    for word in scope:
        if word in {"and", "or", "nor"}:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _trimmed(words: Words) -> Words:
    """The words without those at either end that name nothing."""
    linking = closed_words("linking") | {","}
    while words and words[-1] in linking:
        words = words[:-1]
    while words and words[0] in linking:
        words = words[1:]
    return words
