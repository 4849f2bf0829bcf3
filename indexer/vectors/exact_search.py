"""Exact search: inner products that every store rounds alike, over arrays or a stream of blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.vectors.store import Block, Floats, Hits, Ints, VectorSource
from model.errors import QueryError

SCAN_ROWS = 8192
FEW = 8
"""Ids below this part of all are quicker looked up than picked out of everything."""
MOST_WAITING = 1 << 15
"""Candidates of a scan that wait for their exact score: 56 MB of 420 components."""
ROUNDING = 2e-5
"""How far a float32 inner product of unit vectors can be from the exact one."""
HALVING = 2.0**-11
"""How far float16 can move an inner product of unit vectors."""


def contains(ascending: Ints, ids: Ints) -> NDArray[np.bool_]:
    """Which of `ids` are among `ascending` (both int64)."""
    if not len(ascending):
        return np.zeros(len(ids), np.bool_)
    place = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    return np.asarray(ascending[place] == ids)


def as_halves(vectors: Floats) -> Floats:
    """The vectors as float16 holds them, which is how stores remember them."""
    return vectors.astype(np.float16).astype(np.float32)


def exact_scores(vectors: Floats | NDArray[np.float16], query: Floats) -> Floats:
    """n float32: inner products of vectors (n×D, as float16 holds them), rounded once.

    In float64 the order of summation does not show, so that every store gives one number for
    one pair, and ties are ties everywhere.
    """
    return np.asarray(vectors.astype(np.float64) @ query.astype(np.float64), np.float32)


def best(ids: Ints, scores: Floats, vectors: Floats | NDArray[np.float16], k: int) -> Hits:
    """The k ≥ 1 largest scores, best first, ties by ascending id."""
    near = np.arange(len(ids))
    if len(ids) > 4 * k:
        near = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    order = near[np.lexsort((ids[near], -scores[near]))[:k]]
    return Hits(ids[order], scores[order], np.asarray(vectors[order], np.float32))


def scan(blocks: Iterable[Block], queries: Floats, k: int) -> list[Hits]:
    """The exact best k ≥ 1 of all blocks of unit vectors, for each of N×D questions.

    The blocks pass by once, whatever the number of questions, one in memory at a time. A rough
    product of all questions with a block chooses candidates; they are scored exactly at the end,
    or as soon as there are many.
    """
    found = [Hits.empty(queries.shape[1]) for _ in queries]
    top = np.full((len(queries), k), -np.inf, np.float32)
    # a rough score may be too low, and the one that it is compared with too high
    margins = (ROUNDING + 2 * HALVING) * np.linalg.norm(queries, axis=1)
    waiting: list[_Candidates] = []
    held = 0
    for ids, vectors in blocks:
        rough = queries @ vectors.T
        top = np.partition(np.concatenate([top, rough], axis=1), -k, axis=1)[:, -k:]
        row, place = np.nonzero(rough >= (top[:, 0] - margins)[:, None])
        some = _Candidates(row, ids[place], rough[row, place], as_halves(vectors[place]))
        waiting.append(some)
        held += len(row)
        if held > MOST_WAITING:
            found = _scored(found, waiting, queries, top[:, 0] - margins, k)
            waiting, held = [], 0
    return _scored(found, waiting, queries, top[:, 0] - margins, k)


class _Candidates(NamedTuple):
    """Segments that may be among the best: question, id, rough score and vector of each."""

    row: Ints
    ids: Ints
    rough: Floats
    vectors: Floats


def _scored(
    found: list[Hits], waiting: list[_Candidates], queries: Floats, floors: Floats, k: int
) -> list[Hits]:
    """The best k of what was found before and of those candidates that lie above the floor."""
    if not waiting:
        return found
    row, ids, rough, vectors = map(np.concatenate, zip(*waiting, strict=True))
    near = np.flatnonzero(rough >= floors[row])
    near = near[np.argsort(row[near], kind="stable")]
    ends = np.searchsorted(row[near], np.arange(len(queries) + 1))
    merged = []
    for number, (before, query) in enumerate(zip(found, queries, strict=True)):
        mine = near[ends[number] : ends[number + 1]]
        merged.append(
            best(
                np.concatenate([before.ids, ids[mine]]),
                np.concatenate([before.scores, exact_scores(vectors[mine], query)]),
                np.concatenate([before.vectors, vectors[mine]]),
                k,
            )
        )
    return merged


def scan_source(
    source: VectorSource, allowed: Ints, known: int, queries: Floats, k: int
) -> list[Hits]:
    """The exact best k ≥ 1 of the allowed ids (ascending), out of `known` ids in all.

    A few are asked for one by one; for many it is quicker to let everything pass by.
    """
    if FEW * len(allowed) < known:
        pieces = (allowed[i : i + SCAN_ROWS] for i in range(0, len(allowed), SCAN_ROWS))
        return scan((vectors_there(source, ids) for ids in pieces), queries, k)
    return scan(chosen(source.vector_blocks(int(allowed[0]) - 1), allowed), queries, k)


def vectors_there(source: VectorSource, ids: Ints) -> tuple[Ints, Floats]:
    """Those of the ids that are still there, and their vectors (n×D)."""
    try:
        return ids, source.vectors_of(ids)
    except QueryError:  # another process has forgotten a photo since the store was made
        there = ids[contains(source.segment_ids(), ids)]
        return there, source.vectors_of(there)


def chosen(blocks: Iterable[Block], allowed: Ints) -> Iterator[Block]:
    """Parts of blocks of ascending ids that are among the allowed ids (ascending, at least one)."""
    for ids, vectors in blocks:
        if ids[0] > allowed[-1]:
            return
        here = contains(allowed, ids)
        if here.any():
            yield ids[here], vectors[here]


def gathered(blocks: Iterable[Block], rows: int = SCAN_ROWS) -> Iterator[Block]:
    """Blocks of at least `rows` rows of the vectors, the last one excepted."""
    waiting: list[Block] = []
    held = 0
    for block in blocks:
        waiting.append(block)
        held += len(block[0])
        if held >= rows:
            yield _joined(waiting)
            waiting, held = [], 0
    if held:
        yield _joined(waiting)


def _joined(blocks: list[Block]) -> Block:
    return np.concatenate([b[0] for b in blocks]), np.concatenate([b[1] for b in blocks])
