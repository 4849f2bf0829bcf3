"""Recall: one vector for the question, and the segments of the index nearest to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.index import Index
from indexer.vectors.store import Hits
from model.embedder import Embedder
from model.embeddings import require_same_space
from searchengine.queries.languages.wording import mixed, wordings
from searchengine.queries.query import Query
from searchengine.search.neighbour_rescoring import with_neighbours
from searchengine.search.stage_times import timed


@timed("encode")
def questions(queries: Sequence[Query], embedder: Embedder) -> NDArray[np.float32]:
    """Each query as one vector (N×D float32, not of length 1); all texts are encoded together.

    The words and the example count 1 each, every negative less its weight: the dot product with
    a segment is the sum of the weighted cosines, so one search answers all terms at once. Words of
    another language are the mean direction of the English texts that stand for them.

    Raises:
        SpaceMismatch: an example lives in another space than the embedder's.
    """
    terms = [_weighted_texts(query) for query in queries]
    texts = wordings(queries, [text for some in terms for text, _ in some])
    encoded = dict(zip(texts, embedder.embed_texts(texts).vectors, strict=True)) if texts else {}
    vectors = np.zeros((len(queries), embedder.space.dimension), np.float32)
    for vector, query, some in zip(vectors, queries, terms, strict=True):
        for text, weight in some:
            vector += np.float32(weight) * mixed(text, query, encoded)
        if query.example is not None:
            require_same_space(embedder.space, query.example.space)
            vector += query.example.vectors[0]
    return vectors


def _weighted_texts(query: Query) -> list[tuple[str, float]]:
    words = [(query.words, 1.0)] if query.words.strip() else []
    return [*words, *((negative.words, -negative.weight) for negative in query.negatives)]


@timed("recall")
def recall(
    index: Index,
    vectors: NDArray[np.float32],
    queries: Sequence[Query],
    depths: Sequence[int],
) -> list[Hits]:
    """Best segments that each query's conditions allow, as many as its depth, best first.

    Conditions are applied before the search, by id, so they never starve it. Queries that have
    them and the depth in common pass over the vectors together.

    Args:
        index: index to search.
        vectors: N×D float32, the queries as vectors.
        queries: N queries.
        depths: N numbers of segments.
    """
    found: list[Hits] = [Hits.empty(vectors.shape[1])] * len(queries)
    together: dict[tuple[Filter, int], list[int]] = {}
    for row, (query, depth) in enumerate(zip(queries, depths, strict=True)):
        together.setdefault((query.where, depth), []).append(row)
    for (where, depth), rows in together.items():
        for row, hits in zip(rows, index.search_many(vectors[rows], depth, where), strict=True):
            count = queries[row].neighbours
            found[row] = with_neighbours(hits, vectors[row], index, count) if count else hits
    return found
