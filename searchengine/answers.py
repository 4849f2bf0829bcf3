"""Answers: queries and the models of an open index, brought together as matches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.errors import QueryError
from searchengine.matches.matches import Matches
from searchengine.opened_index import OpenedIndex
from searchengine.queries.feedback import judged_segments, refine
from searchengine.queries.query import Query
from searchengine.queries.understanding import interpret, put_right
from searchengine.queries.weighing import weighed
from searchengine.search.cascade import answers_to
from searchengine.search.keep import keep_shown
from searchengine.search.left_out import left_out
from searchengine.search.propose import Answered, Judge, Limits, doubting, with_proposals
from searchengine.search.ranking import Ranking, ranking_of
from searchengine.search.recall import questions
from searchengine.search.refer import read as read_expression
from searchengine.search.uncalibrated import unfitted


def answered(
    opened: OpenedIndex,
    queries: Sequence[Query],
    words: Sequence[str],
    exclude: Collection[int] = (),
) -> list[Matches]:
    """The matches of each query, in one turn.

    A query with misspelt words is searched as it stands: many an unknown word is a name. Where
    nothing is confident then, and something is once they are put right, that is the answer.

    Args:
        opened: index and its models.
        queries: N queries.
        words: N texts by which the matches call their questions.
        exclude: ids of segments to leave out of the results (the examples themselves).

    Raises:
        IndexMissing: nothing has been indexed yet.
    """
    with opened.turn():
        matches = _as_they_stand(opened, queries, words, exclude)
        better: dict[int, Query] = {}
        for number, (own, query) in enumerate(zip(matches, queries, strict=True)):
            right = None if own.confident else put_right(interpret(query), query)
            if right is not None:
                better[number] = right
        again = [words[number] for number in better]
        found = _as_they_stand(opened, list(better.values()), again, exclude) if better else []
        for number, other in zip(better, found, strict=True):
            if other.confident:
                told = (*matches[number].not_understood, *other.not_understood)
                matches[number] = replace(other, not_understood=told, put_right=True)
        return matches


def _as_they_stand(
    opened: OpenedIndex,
    queries: Sequence[Query],
    words: Sequence[str],
    exclude: Collection[int],
) -> list[Matches]:
    index = opened.reader  # before any model: it tells which
    judged = [judged_segments(query, index.catalog) for query in queries]
    read = weighed([interpret(query) for query in queries], opened.embedder, index.search_many)
    searched = [each.query for each in read]
    vectors = questions(searched, opened.embedder)
    refine(vectors, judged)
    calibration = opened.calibration if any(q.words.strip() for q in queries) else None
    judge = calibration.confidences if calibration else None
    readings = [
        read_expression(each.expression(query)) for each, query in zip(read, queries, strict=True)
    ]
    embedder = opened.embedder

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return embedder.embed_texts(texts).vectors

    told = any(reading is not None and not reading.reason for reading in readings)
    looks = opened.looks if told else None
    answers = answers_to(searched, vectors, index, judge, exclude, readings, encode, looks, judged)
    return [
        Matches(
            found.items if each.answerable else tuple(match.doubted() for match in found.items),
            text,
            str(opened.folder),
            opened.preset.name,
            asked=query,
            understood=each.query,
            not_understood=each.not_understood,
            left_out=(
                *(each_judged.notes if each_judged is not None else ()),
                *left_out(query.where, index.catalog, found=len(found.items)),
                *(unfitted(opened.preset) if query.words.strip() else ()),
            ),
            explanation=found.explanation,
            passed=found.passed,
            translations=each.translations,
        )
        for found, text, query, each, each_judged in zip(
            answers, words, queries, read, judged, strict=True
        )
    ]


def ranked(opened: OpenedIndex, matches: Matches) -> Ranking:
    """All segments that the conditions of a query allow: its matches, then all others.

    Args:
        opened: index and its models.
        matches: answer to the query.

    Raises:
        QueryError: there was no query.
    """
    if matches.asked is None or matches.understood is None or matches.passed is None:
        raise QueryError("nothing was asked that could be ranked by", "rank what a search found")
    with opened.turn():
        index, read = opened.reader, interpret(matches.asked)
        vectors = questions([matches.understood], opened.embedder)
        refine(vectors, [judged_segments(matches.asked, index.catalog)])
        (question,) = vectors
        calibration = opened.calibration if matches.asked.words.strip() else None
        judge: Judge | None = None if calibration is None else calibration.confidence
        if judge is not None and not read.answerable:
            judge = doubting(judge)
        return ranking_of(matches, question, index, judge)


def completed(
    opened: OpenedIndex, matches: Matches, photos: int, most: int, *, keep: bool
) -> Matches:
    """The matches of words with proposals among them, in one turn.

    Args:
        opened: index and its models.
        matches: answer to a query.
        photos: number of photos that are looked at again.
        most: proposals a photo.
        keep: whether those that are shown are written to the index.

    Raises:
        QueryError: the matches are not those of words, or no photo is to be looked at.
        IndexReadOnly, IndexLocked: the index may not be written to, which `keep` asks for.
    """
    asked = matches.asked
    if asked is None or not asked.words.strip():
        raise QueryError("nothing is proposed without words", "search by words")
    if photos < 1 or most < 1:
        raise QueryError(f"{photos} photos were to be looked at", "give 1 or more")
    if matches.explanation is not None and not matches.explanation.recall_alone:
        note = "no masks are proposed where it is told which one is meant: ask with `refer=False`"
        if matches.explanation.phrases:
            note = "no masks are proposed for a sentence: ask for one thing that it names"
        return replace(matches, left_out=(*matches.left_out, note))
    with opened.turn():
        index = opened.reader
        (read,) = weighed([interpret(asked)], opened.embedder, index.search_many)
        vectors = questions([read.query], opened.embedder)
        refine(vectors, [judged_segments(asked, index.catalog)])
        (question,) = vectors
        calibration = opened.calibration
        judge: Judge | None = None
        if calibration is not None:
            sure = calibration.confidence
            judge = sure if read.answerable else doubting(sure)
        found = with_proposals(
            Answered(matches.items, read.query, question, judge),
            index.catalog,
            *opened.proposer,
            Limits(photos, most, opened.images),
        )
        if keep:
            found = keep_shown(found, opened.folder)
    return replace(
        matches,
        items=found.items,
        left_out=(*matches.left_out, *found.notes),
        proposals=found.account,
    )
