"""Segmentation: a text of another language as words that lists know, and what is between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model.language.multilingual.word_lists import ListedWord, WordLists
from model.language.text_cleaning import typed_words_of


@dataclass(frozen=True)
class Item:
    """A piece of a text.

    Attributes:
        text: piece as it was typed.
        listed: entry of the lists; None for what is in none.
    """

    text: str
    listed: ListedWord | None = None


def segmented(text: str, lists: WordLists | None) -> list[Item]:
    """The pieces of a text, in their order: the longest entries from left to right."""
    typed = typed_words_of(text)
    if lists is None:
        return [Item(word) for word in typed]
    return list(_by_words(typed, lists) if lists.spaced else _by_letters(typed, lists))


def _by_words(typed: Sequence[str], lists: WordLists) -> Iterator[Item]:
    typed = [_without_article(word, lists) for word in typed]
    lower = tuple(word.lower() for word in typed)
    at = 0
    while at < len(typed):
        listed, count = lists.at(lower[at:])
        yield Item(" ".join(typed[at : at + max(count, 1)]), listed)
        at += max(count, 1)


def _without_article(word: str, lists: WordLists) -> str:
    for article in lists.elided:
        if word.lower().startswith(article) and len(word) > len(article):
            return word[len(article) :]
    return word


def _by_letters(typed: Sequence[str], lists: WordLists) -> Iterator[Item]:
    """Of a language without spaces; where a writer has put some, they part words all the same."""
    for word in typed:
        rest, at, after_entry = "", 0, False
        while at < len(word):
            listed, length = _entry_at(word[at:].lower(), lists)
            if listed is None:
                rest += word[at : at + length]
            else:
                yield from _remainder(rest, lists, after_entry)
                rest, after_entry = "", True
                yield Item(word[at : at + length], listed)
            at += length
        yield from _remainder(rest, lists, after_entry)


def _entry_at(text: str, lists: WordLists) -> tuple[ListedWord | None, int]:
    """The entry that a text begins with, and its length; without one, how much is of none.

    Two entries of one letter each make a name: a red-green-lamp is a traffic light.
    """
    listed, length = lists.in_text(text)
    if length == 1 and lists.in_text(text[1:])[1] == 1:
        return None, 2
    return listed, max(length, 1)


def _remainder(rest: str, lists: WordLists, after_entry: bool) -> Iterator[Item]:
    """What is between entries, without little words that belong to these."""
    for little in lists.after:
        if after_entry and rest.startswith(little):
            rest = rest.removeprefix(little)
        if len(rest) > len(little) + 1:
            rest = rest.removesuffix(little)
    if rest:
        yield Item(rest)
