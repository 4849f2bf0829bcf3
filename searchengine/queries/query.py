"""Query: what is asked of an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real

from indexer.catalog.filter import Filter
from model.argument_types import require_type
from model.embeddings import Embeddings
from model.errors import QueryError
from model.language.multilingual.reading import Senses
from model.language.multilingual.word_lists import LANGUAGES
from model.language.weighted_words import weighted_words

MOST = 10_000
MOST_NEIGHBOURS = 100
MOST_JUDGED = 1000
AUTO, ENGLISH = "auto", "en"


@dataclass(frozen=True)
class Negative:
    """Words that a match should not show.

    Attributes:
        words: any text.
        weight: weight against a match; the query's own words count 1.
    """

    words: str
    weight: float = 0.5

    def __post_init__(self) -> None:
        require_type("Negative.words", self.words, str, "a text")
        require_type("Negative.weight", self.weight, Real, "a number")
        if not self.words.strip():
            raise QueryError("a negative has no words", "say what should not be found")
        if not 0 < self.weight <= 10:
            raise QueryError(
                f"the weight of the negative '{self.words}' is {self.weight}",
                "give a number between 0 and 10, as in 0.5",
            )

    @classmethod
    def read(cls, text: str) -> Negative:
        """A negative as a person writes it: `WORDS`, or `WEIGHT:WORDS`.

        Raises:
            QueryError: there are no words, or no weight stands before the colon.
        """
        words, weight = weighted_words(text)
        return cls(words) if weight is None else cls(words, weight)


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question: words, an example, segments that were judged, or several of them.

    Attributes:
        words: any text; empty where only an example is given.
        example: one vector (1×D) of the index's space, of an image or a segment.
        negatives: things that matches should not show; may be given as texts (`Negative.read`).
        k: matches wanted at the most, 1 to `MOST`.
        where: exact conditions on photos and segments.
        per_photo: matches from one photo at the most; None for no limit.
        collapse: whether segments that overlap and photos that look the same count once.
        neighbours: segments of other photos that each is also judged by; 0: by itself alone.
        all_duplicates: whether photos that look the same answer each for itself all the same.
        refer: whether words are resolved as a referring expression; None: where a few of them say
            more than a bare phrase. Sentences find their photos as they stand.
        like, unlike: ids of segments that were judged right, and of those judged wrong: the search
            goes on from them (`searchengine.queries.feedback`).
        liked, unliked: vectors (N×D, of the index's space) of more such segments, which the index
            need not hold any more.
        show_judged: whether segments that were judged may be matches again.
        language: code of the language of the words and negatives, or `AUTO`: English where every
            word is an English one, else what the words tell.
        senses: English texts that stand for words or a negative of another language, where
            several do; filled by what reads the query.

    Raises:
        QueryError: nothing is asked, or a number is out of its range.
    """

    words: str = ""
    example: Embeddings | None = None
    negatives: tuple[Negative, ...] = ()
    k: int = 20
    where: Filter = field(default_factory=Filter)
    per_photo: int | None = None
    collapse: bool = True
    neighbours: int = 0
    all_duplicates: bool = False
    refer: bool | None = None
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    liked: Embeddings | None = None
    unliked: Embeddings | None = None
    show_judged: bool = False
    language: str = AUTO
    senses: tuple[Senses, ...] = ()

    def __post_init__(self) -> None:
        self._require_types()
        object.__setattr__(self, "negatives", as_negatives(self.negatives))
        nothing = self.example is None and not self.like and not self.liked
        if not self.words.strip() and nothing:
            raise QueryError("the query is empty", 'say what to look for, as in "red car door"')
        if not 1 <= self.k <= MOST:
            raise QueryError(f"{self.k} matches were asked for", f"ask for 1 to {MOST}")
        if self.per_photo is not None and self.per_photo < 1:
            raise QueryError(
                f"{self.per_photo} matches a photo were asked for", "ask for 1 or more"
            )
        if not 0 <= self.neighbours <= MOST_NEIGHBOURS:
            raise QueryError(
                f"{self.neighbours} neighbours were asked for", f"ask for 0 to {MOST_NEIGHBOURS}"
            )
        if self.refer and self.neighbours:
            raise QueryError(
                "neighbours cannot be heeded where an expression is resolved",
                "ask for one of the two",
            )
        if self.refer and self.is_judged:
            raise QueryError(
                "judgements cannot be heeded where an expression is resolved",
                "ask for one of the two",
            )
        both = sorted({*self.like} & {*self.unlike})
        if both:
            raise QueryError(
                f"segment {both[0]} is judged both right and wrong", "judge it one way"
            )
        judged = len(self.like) + len(self.unlike) + len(self.liked or ()) + len(self.unliked or ())
        if judged > MOST_JUDGED:
            raise QueryError(f"{judged} segments are judged", f"judge {MOST_JUDGED} at most")
        if self.language not in {AUTO, ENGLISH, *LANGUAGES}:
            raise QueryError(
                f"questions in the language '{self.language}' are not read",
                f"give {AUTO}, {ENGLISH}, {', '.join(LANGUAGES)}",
            )
        if self.example is not None and len(self.example) != 1:
            raise ValueError(f"the example holds {len(self.example)} vectors, expected 1")

    def _require_types(self) -> None:
        require_type("Query.words", self.words, str, "a text")
        require_type("Query.k", self.k, Integral, "a whole number")
        require_type("Query.where", self.where, Filter, "a Filter")
        require_type("Query.neighbours", self.neighbours, Integral, "a whole number")
        require_type("Query.per_photo", self.per_photo, Integral | None, "a whole number or None")
        require_type("Query.example", self.example, Embeddings | None, "one vector (Embeddings)")

    @property
    def is_judged(self) -> bool:
        """Whether segments that were judged are told."""
        return bool(self.like or self.unlike or self.liked or self.unliked)


def as_negatives(given: Sequence[str | Negative] | str | Negative) -> tuple[Negative, ...]:
    """Negatives from a text (`Negative.read`), or from several texts and negatives.

    Raises:
        QueryError: one of them has no words or no weight.
    """
    several = [given] if isinstance(given, str | Negative) else given
    for each in several:
        require_type("a negative", each, str | Negative, "a text or a Negative")
    return tuple(n if isinstance(n, Negative) else Negative.read(n) for n in several)
