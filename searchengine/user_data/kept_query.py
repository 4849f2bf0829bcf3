"""KeptQuery: a question as it can be written down, and asked again of a changed index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from indexer.catalog.filter import Filter
from indexer.index import Index
from model.embeddings import Embeddings
from model.errors import QueryError, shown
from searchengine.queries.example import no_such_segment
from searchengine.queries.query import Negative, Query
from searchengine.user_data.json_fields import Fields
from searchengine.user_data.kept_conditions import conditions_told, filter_told
from searchengine.user_data.kept_segment import KeptSegment

VERSION = 1
LONGEST_WORDS = 10_000
"""Characters of words or of a condition at the most."""
MOST = 1000
"""Examples, judged segments or negatives at the most."""


@dataclass(frozen=True, eq=False)
class KeptQuery:
    """A question, with what finds its examples again.

    Attributes:
        words: any text; empty where only examples are asked by.
        negatives: things that matches should not show.
        where: conditions on photos and segments.
        counts: the other fields of a `Query`, as `k`, by their names.
        examples: segments and photos that are asked by beside the words.
        like, unlike: segments that were judged right, and those judged wrong.
        preset: name of the preset that made the index it was asked of.
        fingerprint: fingerprint of that preset and its weights.
    """

    words: str = ""
    negatives: tuple[Negative, ...] = ()
    where: Filter = field(default_factory=Filter)
    counts: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[KeptSegment, ...] = ()
    like: tuple[KeptSegment, ...] = ()
    unlike: tuple[KeptSegment, ...] = ()
    preset: str = ""
    fingerprint: str = ""

    @classmethod
    def of(cls, query: Query, index: Index, examples: Sequence[KeptSegment] = ()) -> KeptQuery:
        """A query as it is asked of an index.

        Args:
            query: query; its example is kept as a bare vector unless `examples` say what it is.
            index: index that it is asked of.
            examples: places that its example is made of.

        Raises:
            QueryError: a judged segment is not in the index, or conditions name photos by id,
                which another index does not know.
        """
        if query.where.photo_ids is not None:
            raise QueryError(
                "conditions that name photos by their ids cannot be kept", "name paths or dates"
            )
        for words in (query.words, query.where.path_glob or "", query.where.camera or ""):
            if len(words) > LONGEST_WORDS:
                raise QueryError(f"{len(words)} characters are too long to be kept", "say less")
        if query.example is not None and not examples:
            examples = _bare(query.example)
        manifest = index.catalog.manifest
        return cls(
            query.words,
            query.negatives,
            query.where,
            {name: getattr(query, name) for name in _COUNTS},
            tuple(examples),
            (*kept_segments(query.like, index), *_bare(query.liked)),
            (*kept_segments(query.unlike, index), *_bare(query.unliked)),
            manifest.preset,
            manifest.settings.get("fingerprint", ""),
        )

    def asked(self, index: Index) -> tuple[Query, tuple[str, ...]]:
        """The query as it can be asked of an index now, and notes on what has changed.

        Words are embedded anew whatever made the index. Examples and judged segments of another
        preset are those of this index that have the same photo and mask; where there are none,
        they are left out.

        Raises:
            QueryError: nothing is left to ask by.
        """
        notes: list[str] = []
        manifest = index.catalog.manifest
        if self.fingerprint != manifest.settings.get("fingerprint", ""):
            notes.append(
                f"made with {_preset(self.preset, self.fingerprint)}, the index with"
                f" {_preset(manifest.preset, manifest.settings.get('fingerprint', ''))}:"
                " words are embedded again, and scores may mean something else"
            )
        examples = _vectors(self.examples, index, "example", notes)
        like, liked = _judged(self.like, index, notes)
        unlike, unliked = _judged(self.unlike, index, notes)
        if not self.words.strip() and examples is None and not like and liked is None:
            raise QueryError(
                "nothing is left to ask by: its examples were made with another preset, and the"
                " index holds none of their photos",
                "index these photos, or save the search anew",
            )
        query = Query(
            words=self.words,
            negatives=self.negatives,
            where=self.where,
            example=examples,
            like=like,
            unlike=unlike,
            liked=liked,
            unliked=unliked,
            **self.counts,
        )
        return query, tuple(notes)

    def examples_in(self, index: Index) -> tuple[int, ...]:
        """Ids of the segments of an index that are asked by, which are no answers."""
        rows = (example.segment_in(index.catalog) for example in self.examples)
        return tuple(row.id for row in rows if row is not None)

    def __str__(self) -> str:
        """The question on one line, for people."""
        words = [self.words] if self.words.strip() else []
        like = [f"like {shown(example.name)}" for example in self.examples]
        without = [f"without {negative.words}" for negative in self.negatives]
        where = [f"{name}: {shown(value)}" for name, value in conditions_told(self.where).items()]
        told = ((self.like, "right"), (self.unlike, "wrong"))
        judged = [f"{len(some)} judged {how}" for some, how in told if some]
        return ", ".join([*words, *like, *without, *where, *judged])

    def to_dict(self, *, vectors: bool = True) -> dict[str, Any]:
        """The question as JSON has it.

        Args:
            vectors: whether the examples' vectors are told, without which it cannot be read again.
        """
        return {
            "version": VERSION,
            "words": self.words,
            "negatives": [{"words": n.words, "weight": n.weight} for n in self.negatives],
            "examples": [example.to_dict(vector=vectors) for example in self.examples],
            "like": [each.to_dict(vector=vectors) for each in self.like],
            "unlike": [each.to_dict(vector=vectors) for each in self.unlike],
            "where": conditions_told(self.where),
            **self.counts,
            "preset": {"name": self.preset, "fingerprint": self.fingerprint},
        }

    @classmethod
    def from_dict(cls, record: object) -> KeptQuery:
        """The question that JSON tells.

        Raises:
            QueryError: the record tells none, or one of a newer segsearch.
        """
        told = Fields(record, "a kept question")
        if told.whole("version", VERSION) != VERSION:
            raise QueryError("a kept question is of a newer segsearch", "upgrade segsearch")
        preset = told.inner("preset")
        some = {name: told.many(name) for name in ("negatives", "examples", "like", "unlike")}
        words = told.text("words", "")
        if len(words) > LONGEST_WORDS or any(len(each) > MOST for each in some.values()):
            raise QueryError("a kept question is too long", "ask for less")
        kept = {
            name: tuple(KeptSegment.from_dict(each) for each in some[name])
            for name in ("examples", "like", "unlike")
        }
        negatives = [Fields(each, "a negative") for each in some["negatives"]]
        counts: dict[str, Any] = {
            "k": told.whole("k", Query.k),
            "per_photo": told.optional_whole("per_photo"),
            "neighbours": told.whole("neighbours", 0),
            "collapse": told.flag("collapse", True),
            "all_duplicates": told.flag("all_duplicates", False),
            "refer": told.optional_flag("refer"),
            "show_judged": told.flag("show_judged", False),
            "language": told.text("language", Query.language),
        }
        asks = words if words.strip() or not (kept["examples"] or kept["like"]) else "anything"
        Query(words=asks, **counts)  # it judges the numbers
        return cls(
            words,
            tuple(Negative(n.text("words"), n.number("weight", 0.5)) for n in negatives),
            filter_told(told.inner("where")),
            counts,
            **kept,
            preset=preset.text("name", ""),
            fingerprint=preset.text("fingerprint", ""),
        )


_COUNTS = (
    "k",
    "per_photo",
    "neighbours",
    "collapse",
    "all_duplicates",
    "refer",
    "show_judged",
    "language",
)


def kept_segments(ids: Sequence[int], index: Index) -> tuple[KeptSegment, ...]:
    """Segments of an index, as they are kept.

    Raises:
        QueryError: one is not in the index.
    """
    catalog = index.catalog
    rows = catalog.segments([i for i in ids if abs(i) < 1 << 63])
    for segment_id in ids:
        if segment_id not in rows:
            raise no_such_segment(segment_id)
    photos = catalog.photos({row.photo_id for row in rows.values()})
    vectors = catalog.vectors_of(list(ids)) if ids else ()
    space = catalog.manifest.space
    return tuple(
        KeptSegment.of(photos[rows[i].photo_id], rows[i], vector, space)
        for i, vector in zip(ids, vectors, strict=True)
    )


def _bare(vectors: Embeddings | None) -> tuple[KeptSegment, ...]:
    """Vectors of which nothing else is known."""
    if vectors is None:
        return ()
    return tuple(
        KeptSegment("", None, None, None, vector, vectors.space) for vector in vectors.vectors
    )


def _vectors(
    kept: Sequence[KeptSegment], index: Index, what: str, notes: list[str]
) -> Embeddings | None:
    """The mean (1×D) of the vectors that an index can be asked by; None where there are none."""
    found = []
    for each in kept:
        vector = each.vector_in(index.catalog)
        if vector is None:
            notes.append(_lost(each, what))
            continue
        if each.space != index.catalog.manifest.space:
            notes.append(
                f"the {what} {shown(each.name)} was made with another preset: what the index holds"
                " at its place is asked by"
            )
        found.append(vector.vectors[0])
    if not found:
        return None
    return Embeddings.unit(np.mean(found, axis=0, keepdims=True), index.catalog.manifest.space)


def _judged(
    kept: Sequence[KeptSegment], index: Index, notes: list[str]
) -> tuple[tuple[int, ...], Embeddings | None]:
    """Ids of judged segments that an index holds, and vectors of those that it does not."""
    ids, vectors = [], []
    for each in kept:
        row = each.segment_in(index.catalog)
        vector = each.vector_in(index.catalog) if row is None else None
        if row is not None:
            ids.append(row.id)
        elif vector is not None:
            vectors.append(vector.vectors[0])
        else:
            notes.append(_lost(each, "judged segment"))
    space = index.catalog.manifest.space
    return tuple(dict.fromkeys(ids)), Embeddings(np.stack(vectors), space) if vectors else None


def _lost(kept: KeptSegment, what: str) -> str:
    return (
        f"the {what} {shown(kept.name)} was made with another preset, and the index does not hold"
        " it: it is left out"
    )


def _preset(name: str, fingerprint: str) -> str:
    return f"preset '{shown(name)}' ({shown(fingerprint[:8])})"


def described(record: Mapping[str, Any]) -> str:
    """A kept question on one line; what is not understood is told."""
    try:
        return str(KeptQuery.from_dict(record))
    except QueryError as error:
        return f"({error.what})"
