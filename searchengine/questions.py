"""Questions: what an engine is asked, in words or by example, and how it answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from PIL import Image as PillowImage

from indexer.catalog.filter import Filter
from model.argument_types import require_type
from model.embeddings import Embeddings
from model.errors import QueryError
from model.proposals.proposer import MOST as MOST_PROPOSED
from searchengine.answers import answered, completed, ranked
from searchengine.matches.match import CONFIDENT, Match
from searchengine.matches.matches import Matches
from searchengine.opened_index import OpenedIndex
from searchengine.queries.conditions import Conditions, filtered
from searchengine.queries.example import Example, embed_example, embed_seen
from searchengine.queries.picture import Picture, image_of_picture
from searchengine.queries.query import Negative, Query
from searchengine.search.arguments import given_fields, pointed, query_of
from searchengine.search.keep import require_keeping
from searchengine.search.ranking import Ranking

TOGETHER = 256
"""Queries that are answered in one go; more take memory and save no more time."""


class Questions:
    """Questions to an index and the models that made it; `SearchEngine` answers them.

    Args:
        opened: index that is asked.
    """

    def __init__(self, opened: OpenedIndex) -> None:
        self._opened = opened

    def search(
        self,
        words: str | Query,
        k: int | None = None,
        *,
        negatives: Sequence[str | Negative] | str | None = None,
        where: Filter | None = None,
        per_photo: int | None = None,
        neighbours: int | None = None,
        collapse: bool | None = None,
        all_duplicates: bool | None = None,
        refer: bool | None = None,
        like: Iterable[Match | int] | None = None,
        unlike: Iterable[Match | int] | None = None,
        language: str | None = None,
        **conditions: Unpack[Conditions],
    ) -> Matches:
        """The segments that show what the words say, best first.

        Args:
            words: any text, or a whole `Query`, which then says all that the other arguments do.
            k: matches at most; 20 unless given.
            negatives: words for things that matches should not show.
            where: exact conditions on photos and segments.
            per_photo: matches from one photo at most; any number unless given.
            neighbours: segments of other photos that each is also judged by; 0 unless given.
            collapse: whether segments that overlap and photos that look the same count once;
                they do unless given.
            all_duplicates: whether photos that look the same answer each for itself all the
                same; they do not unless given.
            refer: whether the words are resolved as a referring expression, as "the second door
                from the left"; unless given, where up to eight say more than a bare phrase.
            like, unlike: matches, or ids of segments, that were judged right or wrong: they are
                not shown again, and the search goes on from those that were right.
            language: code of the language of the words, as `de`; unless given they tell it.
            conditions: fields of a `Filter` by their names, as `after="2023-05", min_area=0.01`.

        Raises:
            IndexMissing: nothing has been indexed yet.
            TypeError: an argument is of no type that it may have.
            QueryError: nothing is asked, or another argument is given beside a whole `Query`.
        """
        given = given_fields(
            k=k,
            negatives=negatives,
            where=filtered(where, conditions),
            per_photo=per_photo,
            neighbours=neighbours,
            collapse=collapse,
            all_duplicates=all_duplicates,
            refer=refer,
            like=like,
            unlike=unlike,
            language=language,
        )
        if not isinstance(words, Query | str):
            raise TypeError(
                f"the words are {repr(words)[:80]}, expected a text or a Query;"
                " several are asked by search_many"
            )
        if not isinstance(words, Query):
            return self._answer(Query(words=words, **given), words)
        if given:
            raise QueryError(
                f"{' and '.join(given)} given beside a whole Query",
                "say it in the Query, or ask with words",
            )
        return self._answer(words, words.words)

    def search_many(self, queries: Iterable[Query | str], **arguments: Any) -> list[Matches]:
        """Matches of each query, in their order: those of `search`, at a fraction of the time.

        Texts are encoded in batches, and the vectors pass by once for many questions.

        Args:
            queries: whole queries, or texts.
            arguments: arguments of `search`, for the texts.

        Raises:
            IndexMissing: nothing has been indexed yet.
            TypeError: a text is given in place of several.
        """
        require_type("the list of queries", queries, Iterable, "several texts or queries")
        if isinstance(queries, str):
            raise TypeError("one text is given in place of several; ask it by search")
        waiting = [
            each if isinstance(each, Query) else query_of(each, **arguments) for each in queries
        ]
        answers: list[Matches] = []
        for start in range(0, len(waiting), TOGETHER):
            some = waiting[start : start + TOGETHER]
            answers += answered(self._opened, some, [str(query.words) for query in some])
        return answers

    def label(
        self,
        labels: Mapping[str, str | Sequence[str]] | Iterable[str] | Path,
        k: int | None = None,
        *,
        min_confidence: float = CONFIDENT,
        **arguments: Any,
    ) -> Matches:
        """The segments that show one of several things, each with the label it fits best.

        Args:
            labels: names of the labels with the words that ask for each, names that are their own
                words, or a file of these (`searchengine.matches.labels.read_labels`).
            k: matches of each question at most; 1,000 unless given.
            min_confidence: least confidence of a match.
            arguments: arguments of `search` beside words and k.

        Raises:
            IndexMissing: nothing has been indexed yet.
            QueryError: a label lacks a name or words, or the file is not understood.
        """
        from searchengine.matches.labels import as_labels, labelled, read_labels

        asked = read_labels(labels) if isinstance(labels, Path) else as_labels(labels)
        said = [(label, words) for label in asked for words in label.words]
        given = {"all_duplicates": True, **arguments, "k": 1000 if k is None else k}
        answers = self.search_many(query_of(words, **given) for _, words in said)
        pairs = [(label, each) for (label, _), each in zip(said, answers, strict=True)]
        return Matches(
            labelled(pairs, min_confidence),
            ", ".join(label.name for label in asked),
            str(self._opened.folder),
            self._opened.preset.name,
            labels={label.name: label.words for label in asked},
        )

    def ranking(self, matches: Matches) -> Ranking:
        """All segments that the conditions of a query allow, best first: its matches, then all
        that they do not stand for, by the plain agreement of their vectors.

        Numbers alone, so that a million are ranked in a fraction of a second.

        Args:
            matches: answer of `search` or `similar`.

        Raises:
            QueryError: the matches are not those of a query.
        """
        return ranked(self._opened, matches)

    def propose(
        self,
        matches: Matches,
        photos: int = 10,
        most: int = MOST_PROPOSED,
        *,
        keep: bool = False,
    ) -> Matches:
        """The matches of words, with masks among them that the index does not hold.

        On the photos that answer best, the masks that indexing saw and dropped are scored, too, as
        segments of the index are; of two masks of one thing the better one is shown. What became
        of each is told in `proposals`. A photo that cannot be read any more is told in `left_out`;
        so is that nothing is proposed where a referring expression was resolved, which no proposal
        is compared with.

        Args:
            matches: answer of `search`.
            photos: number of photos that are looked at again, 1 or more.
            most: proposals a photo.
            keep: whether the proposals among the matches are written to the index, with their
                words and the proposer's fingerprint. All segments of their photos get new ids,
                which the matches tell. A photo that has changed meanwhile is told in `left_out`.

        Raises:
            QueryError: the matches are not those of words, or no photo is to be looked at.
            IndexReadOnly, IndexLocked: the index may not be written to, which `keep` asks for.
        """
        if keep:
            self.require_keeping()
        return completed(self._opened, matches, photos, most, keep=keep)

    def require_keeping(self) -> None:
        """Raise unless proposals could be kept just now; no model is loaded for it.

        Raises:
            IndexMissing: nothing has been indexed yet.
            IndexReadOnly: the index may not be written to.
            IndexLocked: another process is writing to it.
        """
        with self._opened.turn():
            require_keeping(self._opened.reader.folder)

    def similar(
        self,
        example: Match | Example | Path | str | Picture,
        k: int | None = None,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
        negatives: Sequence[str | Negative] | str | None = None,
        where: Filter | None = None,
        per_photo: int | None = None,
        neighbours: int | None = None,
        collapse: bool | None = None,
        all_duplicates: bool | None = None,
        language: str | None = None,
        **conditions: Unpack[Conditions],
    ) -> Matches:
        """The segments most like a match, a photo, or a place in one.

        The segment that is asked about is no answer; the photo it lies in may be.

        Args:
            example: a match, an `Example`, the path of a photo, indexed or not, or a picture: a
                Pillow image, or an array, H×W×3 RGB or H×W, uint8.
            k: number of matches; this and all arguments after the places are those of `search`.
            at: x, y of a point in a photo or picture, in its upright pixels: the smallest segment
                there is meant.
            box: x, y, width, height in the same pixels, as `Match.box`: the segment that fills it
                is meant.

        Raises:
            IndexMissing: nothing has been indexed yet.
            PhotoError: the photo cannot be read.
            QueryError: the place is outside the photo, or the segment is not in the index.
        """
        given = given_fields(
            k=k,
            negatives=negatives,
            where=filtered(where, conditions),
            per_photo=per_photo,
            neighbours=neighbours,
            collapse=collapse,
            all_duplicates=all_duplicates,
            language=language,
        )
        vector, itself = self.embed(example, at=at, box=box)
        exclude = () if itself is None else (itself,)
        told = str(pointed(example, at, box))
        return self._answer(Query(example=vector, **given), told, exclude)

    def embed(
        self,
        example: Match | Example | Path | str | Picture,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> tuple[Embeddings, int | None]:
        """An example as one vector of the index's space, and the id of the segment that it is.

        Args:
            example, at, box: arguments of `similar`.

        Raises:
            IndexMissing: nothing has been indexed yet.
            PhotoError: the photo cannot be read.
            QueryError: the place is outside the photo, or the segment is not in the index.
        """
        meant, opened = pointed(example, at, box), self._opened
        with opened.turn():
            if isinstance(example, PillowImage.Image | np.ndarray):
                _ = opened.reader  # before any model: it tells which
                image = image_of_picture(example, opened.preset.image_side)
                return embed_seen(meant, image, [], opened.models), None
            return embed_example(meant, opened.reader, opened.preset, opened.models)

    def _answer(self, query: Query, words: str, exclude: Collection[int] = ()) -> Matches:
        (matches,) = answered(self._opened, [query], [words], exclude)
        return matches
