"""The English word that somebody most likely meant who typed one that is none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from string import ascii_lowercase

from model.language.english_words import is_word
from model.language.spelling.common_words import commonness

_SHORT = 3  # letters; of shorter words every one is near to some other
_TWICE = 6  # letters from which on two slips in a word are thought of
_LONGEST = 24


@lru_cache(maxsize=1024)
def meant_word(word: str) -> str | None:
    """The English word that one or two slips away from a word in lower case is the commonest.

    A slip is a letter left out, added, in another's place, or two that have changed places. What
    is one slip away comes before what is two; rare words count only where it is one.
    """
    if not _SHORT < len(word) <= _LONGEST or not (word.isascii() and word.isalpha()):
        return None
    ranks = commonness()
    once = set(_slips(word))
    if common := [each for each in once if each in ranks]:
        return min(common, key=lambda each: (each[0] != word[0], ranks[each]))
    if rare := sorted(each for each in once if is_word(each)):
        return min(rare, key=lambda each: each[0] != word[0])
    if len(word) < _TWICE:
        return None
    twice = (each for each in _like(word[0], len(word)) if _slips_between(word, each) == 2)
    return min(twice, key=lambda each: ranks[each], default=None)


def _like(letter: str, length: int) -> list[str]:
    """Common words of about a length; the first letter is hardly ever the wrong one."""
    return [w for w in commonness() if w[0] == letter and abs(len(w) - length) <= 2]


def _slips_between(one: str, other: str) -> int:
    """Least number of slips that make a word of another; no part of it is changed twice."""
    above: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, above, row = above, row, [i]
        for j, its in enumerate(other, start=1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != its))
            if i > 1 < j and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _slips(word: str) -> Iterator[str]:
    """All that is one slip away from a word; the word itself is among it."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        if after:
            yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        for letter in ascii_lowercase:
            if after:
                yield before + letter + after[1:]
            yield before + letter + after
