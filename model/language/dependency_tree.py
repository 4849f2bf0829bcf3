"""Dependency tree: which word of a sentence depends on which, and the nouns that this tells of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

NOMINAL = frozenset({"NOUN", "PROPN", "PRON"})
BEFORE_NOUNS = frozenset({"det", "amod", "compound", "nummod", "nmod:poss", "nmod:desc", "flat"})
_CASE = frozenset({"case", "pobj"})


@dataclass(frozen=True)
class Tree:
    """A sentence of n words and its dependency tree, as Universal Dependencies names them.

    Attributes:
        words: the words as they are written.
        tags: universal part of speech of each (NOUN, VERB …).
        heads: place of the word that each depends on; the root's is its own.
        relations: kind of that dependency (`nsubj`, `obj` …; `root`).
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    heads: tuple[int, ...]
    relations: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.words)

    @property
    def root(self) -> int:
        """Place of the root; of several the last."""
        return max(at for at, head in enumerate(self.heads) if at == head)

    def children(self, place: int) -> list[int]:
        """Places of the words that depend on one, in their order."""
        return [at for at, head in enumerate(self.heads) if head == place and at != place]

    def below(self, place: int) -> set[int]:
        """Places of a word and of all that depends on it, near or far."""
        below, new = {place}, [place]
        while new:
            new = [at for above in new for at in self.children(above) if at not in below]
            below.update(new)
        return below

    def chunk(self, noun: int) -> range:
        """Places of a noun and of what stands before it and tells of it."""
        start = noun
        for at in self.children(noun):
            if at < noun and self.relations[at] in BEFORE_NOUNS:
                start = min(start, *self.below(at))
        return range(start, noun + 1)

    def chunks(self) -> Iterator[range]:
        """Chunks of all nouns and pronouns, none of them within another."""
        end = len(self)
        found = []
        for at in reversed(range(len(self))):
            if at < end and self.tags[at] in NOMINAL:
                found.append(self.chunk(at))
                end = found[-1].start
        yield from reversed(found)

    def target(self) -> int | None:
        """Place of the noun that the sentence is about, if there is one.

        It is the root; or the root's subject ("kid eats cake"); or the first noun that stands
        behind no preposition ("in the corner a lamp").
        """
        free = [at for at, tag in enumerate(self.tags) if tag in NOMINAL and not self._cased(at)]
        if self.root in free:
            return self.root
        subjects = (at for at in self.children(self.root) if self.relations[at].startswith("nsubj"))
        return next((at for at in subjects if at in free), min(free, default=None))

    def _cased(self, noun: int) -> bool:
        """Whether a preposition stands before a noun."""
        return self.relations[noun] in _CASE or any(
            at < noun and self.relations[at] in _CASE for at in self.children(noun)
        )
