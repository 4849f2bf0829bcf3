"""Words for the classes that the trunk's classifier knows, by WordNet: their names, what they are
kinds of, and what lies near."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from timm.data import ImageNetInfo

from model.datasets.imagenet_names import class_names
from model.datasets.sighting import Sighting
from model.datasets.wordnet import Meaning, noun_meanings, noun_senses

MOST = 150  # classes of one word: the 118 dogs are one kind, the 522 artefacts are none
FARTHEST = 2  # steps up from what a word means to what classes are kinds of
NEAR = 0.6  # share of the coverage that a step up leaves
LEAST = 0.15  # coverage below which a word is left out
SENSES = 3  # of a noun, the first ones
RARER = 0.7  # share of the coverage that each commoner sense leaves
ENOUGH = 0.5  # of all kinds of a thing, the share that covers it as if it were all


def words_of_classes(wordnet: Path) -> dict[str, Sighting]:
    """Words in lower case, and what each would be seen as.

    A word that names a class in one of its commoner senses is seen as that. Else classes that are
    kinds of it count, or of what it is a kind of, a step or two up: a lighter evidence the farther
    that is, and the fewer of all kinds of it WordNet puts under classes. So a dog may be any of 118
    classes, a puppy is seen as some dog, and for a person the classes of grooms, divers and players
    tell nothing.

    Args:
        wordnet: folder of WordNet 3.1's nouns, as of `model.datasets.wordnet`.
    """
    meanings, senses = noun_meanings(wordnet), dict(noun_senses(wordnet))
    tree = _Tree(meanings, _class_meanings(meanings, senses))
    found: dict[str, Sighting] = {}
    for lemma, keys in senses.items():
        named = next((tree.itself[key] for key in keys[:SENSES] if key in tree.itself), None)
        seen = [Sighting(tuple(sorted(named)), 1.0)] if named else map(tree.sighting, keys[:SENSES])
        several = [s.rarer(RARER**rank) for rank, s in enumerate(seen) if s]
        best = max(several, key=lambda each: each.coverage, default=None)
        if best and best.coverage >= LEAST:
            found[lemma.replace("_", " ")] = best
    own: dict[str, set[int]] = defaultdict(set)  # a name may be of several classes
    for number, names in enumerate(class_names()):
        for name in names:
            own[name.lower()].add(number)
    return found | {name: Sighting(tuple(sorted(each)), 1.0) for name, each in own.items()}


class _Tree:
    """What is a kind of what, and where the classes are.

    Args:
        meanings: all meanings of nouns.
        classes: key of each class's meaning.
    """

    def __init__(self, meanings: Mapping[str, Meaning], classes: list[str]) -> None:
        self._meanings = meanings
        self.itself: dict[str, set[int]] = defaultdict(set)
        below: dict[str, set[int]] = defaultdict(set)
        for number, key in enumerate(classes):
            self.itself[key].add(number)
            for above, _ in self._above(key):
                below[above].add(number)
        kinds: Counter[str] = Counter()
        covered: Counter[str] = Counter()
        for key in meanings:
            line = [each for each, _ in self._above(key)]
            kinds.update(line)
            if any(each in self.itself for each in line):
                covered.update(line)
        self._below = {key: tuple(sorted(numbers)) for key, numbers in below.items()}
        self._share = {key: min(covered[key] / (ENOUGH * kinds[key]), 1) for key in below}

    def sighting(self, key: str) -> Sighting | None:
        """What a meaning would be seen as; None where the classes tell nothing of it."""
        for above, steps in self._above(key):
            if steps <= FARTHEST and above in self._below:
                coverage = self._share[above] * NEAR**steps
                classes = tuple(sorted(self.itself.get(above, ()))) or self._below[above]
                return Sighting(classes, coverage) if len(classes) <= MOST else None
        return None

    def _above(self, key: str) -> Iterator[tuple[str, int]]:
        """All that a meaning is a kind of, itself too, and how many steps away, nearest first."""
        steps = {key: 0}
        left = [key]
        for each in left:
            yield each, steps[each]
            for above in self._meanings[each].above:
                if above not in steps:
                    steps[above] = steps[each] + 1
                    left.append(above)


def _class_meanings(meanings: Mapping[str, Meaning], senses: Mapping[str, list[str]]) -> list[str]:
    """The key of each class's meaning: of all that its names mean the one that is defined and
    named most alike, since classes are those of WordNet 3.0, whose keys are others."""
    known = ImageNetInfo("imagenet-1k")
    keys = []
    for number, names in enumerate(class_names()):
        told = _words(known.index_to_description(number, detailed=True).split(": ", 1)[-1])
        own = {name.lower().replace(" ", "_") for name in names}

        def alike(key: str, told: set[str] = told, own: set[str] = own) -> float:
            lemmas = {lemma.lower() for lemma in meanings[key].lemmas}
            return _share(told, _words(meanings[key].gloss)) + _share(own, lemmas)

        keys.append(max((k for name in sorted(own) for k in senses.get(name, ())), key=alike))
    return keys


def _words(gloss: str) -> set[str]:
    return set(re.findall(r"[a-z]+", gloss.split(";")[0].lower()))


def _share(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(len(one | other), 1)
