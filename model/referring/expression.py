"""Expression: what a referring expression says, in its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Relation:
    """What a thing has to do with others.

    Attributes:
        kind: one of `model.referring.geometry.RELATIONS`.
        others: the other things; two of `between`, else one.
        negated: whether it should not be so.
    """

    kind: str
    others: tuple[Expression, ...]
    negated: bool = False

    def __str__(self) -> str:
        named = " and ".join(str(other) for other in self.others)
        return f"{'not ' if self.negated else ''}{self.kind} ({named})"

    def to_dict(self) -> dict[str, Any]:
        """The relation as plain data."""
        return {
            "kind": self.kind,
            "others": [other.to_dict() for other in self.others],
            "negated": self.negated,
        }


@dataclass(frozen=True)
class Ordinal:
    """Place in an order of like things.

    Attributes:
        number: 1 for the first, -1 for the last.
        side: side where counting begins: left, right, top or bottom.
    """

    number: int
    side: str = "left"

    def __str__(self) -> str:
        return f"number {self.number} from the {self.side}"


@dataclass(frozen=True)
class Expression:
    """A referring expression.

    Attributes:
        text: the words that were read.
        phrase: noun phrase of the thing that is meant, lower case; "" where no thing is named.
        head: its noun.
        relations: ties to other things.
        places: parts of the photo where it lies: left, right, top, bottom, middle, background,
            foreground, and the sizes small and large.
        superlative: in what it exceeds all like it: one of `model.referring.geometry.EXTREMES`.
        ordinal: its place among those like it.
        negated: noun phrases of what it is not.
        notes: parts that are not heeded, each with the reason.
    """

    text: str
    phrase: str = ""
    head: str = ""
    relations: tuple[Relation, ...] = ()
    places: tuple[str, ...] = ()
    superlative: str | None = None
    ordinal: Ordinal | None = None
    negated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether it says no more than a phrase, or names no thing: then recall answers alone."""
        said = self.relations or self.places or self.superlative or self.ordinal or self.negated
        return not self.phrase or not said

    def phrases(self) -> Iterator[str]:
        """Phrases of all things that it names and of those it denies, its own first."""
        if self.phrase:
            yield self.phrase
        yield from self.negated
        for relation in self.relations:
            for other in relation.others:
                yield from other.phrases()

    def required(self) -> Iterator[str]:
        """Phrases of all things that must be there for it to be of anything, its own first."""
        if self.phrase:
            yield self.phrase
        for relation in self.relations:
            if not relation.negated:
                for other in relation.others:
                    yield from other.required()

    def __str__(self) -> str:
        parts = [f"'{self.phrase}'"]
        if self.ordinal:
            parts.append(str(self.ordinal))
        if self.superlative:
            parts.append(f"most {self.superlative}")
        parts += self.places
        parts += [f"not '{phrase}'" for phrase in self.negated]
        parts += [str(relation) for relation in self.relations]
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """The expression as plain data."""
        return {
            "phrase": self.phrase,
            "head": self.head,
            "relations": [relation.to_dict() for relation in self.relations],
            "places": list(self.places),
            "superlative": self.superlative,
            "ordinal": None
            if self.ordinal is None
            else {"number": self.ordinal.number, "side": self.ordinal.side},
            "negated": list(self.negated),
            "notes": list(self.notes),
        }
