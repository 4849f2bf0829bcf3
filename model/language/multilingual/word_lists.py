"""Word lists of a language (`words/*.toml`): how things look, where they are, what is absent.

Lists have the English word that the search knows on the left and, between commas, the language's
own on the right. "rot/a" stands for "rot" with each ending of the file's set "a". Where words are
not parted by spaces (`spaced = false`) the text's longest matches are its words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from model.language.text_cleaning import words_of

_FOLDER = Path(__file__).with_name("words")
LANGUAGES = tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))
"""Codes of the languages that have word lists."""

_LOOKS = ("colours", "patterns", "materials")


@dataclass(frozen=True)
class ListedWord:
    """A word of a list.

    Attributes:
        kind: `look`, `size`, `place`, `relation`, `absent` (negates what follows), `lacking`
            (negates what precedes), `end` (ends what is negated) or `little` (says nothing).
        english: word or phrase that English has for it; "" where the search needs none.
    """

    kind: str
    english: str = ""


@dataclass(frozen=True, eq=False)
class WordLists:
    """The lists of one language.

    Attributes:
        code: code of the language, as `de`.
        name: English name of the language.
        spaced: whether words are parted by spaces.
        listed: words by themselves: of a spaced language tuples of words in lower case, of others
            tuples of one text.
        longest: most words, or characters, of an entry.
        elided: articles that are written together with the next word (l').
        suffixes: endings that negate the word that they end.
        after: little words that follow another word, of a language without spaces.
    """

    code: str
    name: str
    spaced: bool
    listed: Mapping[tuple[str, ...], ListedWord]
    longest: int
    elided: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def at(self, words: tuple[str, ...]) -> tuple[ListedWord | None, int]:
        """The longest entry that words begin with, and how many of them it takes."""
        for count in range(min(self.longest, len(words)), 0, -1):
            if (found := self.listed.get(words[:count])) is not None:
                return found, count
        return None, 0

    def in_text(self, text: str) -> tuple[ListedWord | None, int]:
        """The longest entry that a text without spaces begins with, and how long it is."""
        for length in range(min(self.longest, len(text)), 0, -1):
            if (found := self.listed.get((text[:length],))) is not None:
                return found, length
        return None, 0


@cache
def word_lists(code: str) -> WordLists:
    """The lists of one of `LANGUAGES`."""
    file = (_FOLDER / f"{code}.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(file)
    spaced = bool(table.get("spaced", True))
    entries: dict[tuple[str, ...], ListedWord] = {}
    for word, listed in _entries(table):
        words = tuple(words_of(word)) if spaced else ("".join(words_of(word)),)
        entries.setdefault(words, listed)
    little, negation = table["little"], table["negation"]
    return WordLists(
        code,
        table["name"],
        spaced,
        entries,
        max(len(words) if spaced else len(words[0]) for words in entries),
        _several(little.get("elided", "")),
        _several(negation.get("suffixes", "")),
        tuple(sorted(_several(little.get("after", "")), key=len, reverse=True)),
    )


def _entries(table: Mapping[str, Any]) -> Iterator[tuple[str, ListedWord]]:
    """All words of a file in every form, the more telling lists first."""
    endings = {name: text.split(",") for name, text in table["endings"].items()}
    negation = table["negation"]
    kinds: list[tuple[str, Mapping[str, str]]] = [
        ("absent", {"": negation.get("before", "")}),
        ("lacking", {"": negation.get("after", "")}),
        ("end", {"": negation.get("ends", "")}),
        ("place", table["places"]),
        *(("look", table[look]) for look in _LOOKS),
        ("size", table["sizes"]),
        ("relation", table["relations"]),
        ("little", {"": table["little"].get("words", "")}),
    ]
    for kind, words_for in kinds:
        for english, words in words_for.items():
            for form in _forms(_several(words), endings):
                yield form, ListedWord(kind, english)


def _several(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _forms(words: Iterable[str], endings: Mapping[str, list[str]]) -> Iterator[str]:
    """Each word with each of its endings."""
    for word in words:
        stem, slash, name = word.partition("/")
        if slash:
            # a space before an ending is the list's, one within it the language's
            yield from (stem + ending.removeprefix(" ") for ending in endings[name])
        else:
            yield stem
