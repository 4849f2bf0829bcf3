"""Recall: one vector for the question, and the segments of the index nearest to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.index import Index
from indexer.vectors.store import Hits
from model.embedder import Embedder
from model.embeddings import require_same_space
from searchengine.search.neighbour_rescoring import with_neighbours
from searchengine.search.query import Query


def question(query: Query, embedder: Embedder) -> NDArray[np.float32]:
    """The query as one vector (D float32, not of length 1).

    The words and the example count 1 each, every negative less its weight: the dot product with
    a segment is the sum of the weighted cosines, so one search answers all terms at once.

    Raises:
        SpaceMismatch: the example lives in another space than the embedder's.
    """
    texts = [query.words] if query.words.strip() else []
    weights = [1.0] * len(texts) + [-negative.weight for negative in query.negatives]
    texts += [negative.words for negative in query.negatives]
    vector = np.zeros(embedder.space.dimension, np.float32)
    if texts:
        vector += np.asarray(weights, np.float32) @ embedder.embed_texts(texts).vectors
    if query.example is not None:
        require_same_space(embedder.space, query.example.space)
        vector += query.example.vectors[0]
    return vector


def recall(index: Index, vector: NDArray[np.float32], query: Query, depth: int) -> Hits:
    """The `depth` best segments that the query's conditions allow, best first.

    Conditions are applied before the search, by id, so they never starve it.
    """
    hits = index.search(vector, depth, query.where)
    return with_neighbours(hits, vector, index, query.neighbours) if query.neighbours else hits
