"""Judging of phrases: which regions of its photo a caption's phrase means, by their names.

People name things in captions otherwise than a data set names its regions: a man is a `person`.
A mapping of synonyms is shipped (`synonyms.toml`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from model.curation.phrases import lemmas
from model.datasets.ground_truth import Region
from model.toml_tables import read_toml

_FILE = Path(__file__).with_name("synonyms.toml")


@dataclass(frozen=True)
class Synonyms:
    """Words that captions use for what regions are named; lower case.

    Attributes:
        words: words for a name, by that name; one may stand for several.
        others: phrases that end with such a word, and are something else.
    """

    words: Mapping[str, tuple[str, ...]]
    others: tuple[str, ...] = ()


@cache
def shipped_synonyms() -> Synonyms:
    """The synonyms that are shipped, English ones."""
    table = read_toml(_FILE)
    words = {name: tuple(words) for name, words in table["synonyms"].items()}
    return Synonyms(words, tuple(table["others"]["words"]))


class RegionNames:
    """Names that regions may have, and the words for them.

    Args:
        names: names of regions, of any photos of the source.
        synonyms: other words for them.
    """

    def __init__(self, names: Iterable[str], synonyms: Synonyms) -> None:
        self._names: dict[str, set[str]] = defaultdict(set)
        for other in synonyms.others:
            self._names[lemmas(other)] = set()
        for name in (*names, *synonyms.words):
            key = lemmas(name.lower())
            self._names[key].add(key)
        for name, words in synonyms.words.items():
            for word in words:
                self._names[lemmas(word)].add(lemmas(name))

    def of(self, head: str) -> frozenset[str]:
        """Names, in the singular, of what a phrase's head may mean; none where it is unknown.

        They are those of the longest end of it that is a name or a word for one: a hot dog is no
        dog, a young man is a person.
        """
        words = lemmas(head.lower()).split()
        for start in range(len(words)):
            end = " ".join(words[start:])
            if end in self._names:
                return frozenset(self._names[end])
        return frozenset()

    def regions(self, head: str, regions: Sequence[Region]) -> tuple[int, ...]:
        """Numbers of a photo's regions that a phrase's head may mean.

        Without any, the phrase cannot be judged: what it names is not there, or has no region.
        """
        names = self.of(head)
        return tuple(
            number
            for number, region in enumerate(regions)
            if any(lemmas(phrase.lower()) in names for phrase in region.phrases)
        )
