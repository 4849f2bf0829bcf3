"""Neighbours: a segment is also judged by what is most like it elsewhere in the index.

CorrCLIPv2's bank, made of the index itself: one blurred or half-hidden umbrella is doubtful, but
it lies among clear ones of other photos. A score becomes the mean of the segment's own and of that
of its neighbours' mean vector. The paper finds neighbours by another network's features; the index
holds one vector a segment, so they are found by that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.index import Index
from indexer.vectors.store import Hits

OWN = 0.5  # share of a segment's own score
CROWD = 3  # times as many are looked at: many lie in the same photo


def with_neighbours(hits: Hits, question: NDArray[np.float32], index: Index, count: int) -> Hits:
    """The hits with their neighbours' part in vectors and scores, best first.

    Segments of the same photo are no neighbours: they overlap, and share its mistakes.

    Args:
        hits: segments that were found.
        question: the query as one vector (D float32).
        index: index with the segments.
        count: neighbours of each at the most.
    """
    near = index.search_many(hits.vectors, 1 + CROWD * count)
    everyone = {int(i) for found in near for i in found.ids}.union(hits.ids.tolist())
    photo_of = {i: row.photo_id for i, row in index.catalog.segments(everyone).items()}
    vectors = hits.vectors.copy()
    for place, (segment, found) in enumerate(zip(hits.ids.tolist(), near, strict=True)):
        photos = [photo_of.get(other) for other in found.ids.tolist()]
        own = photo_of.get(segment)
        elsewhere = [row for row, photo in enumerate(photos) if photo not in (None, own)][:count]
        if elsewhere:
            mean = found.vectors[elsewhere].mean(axis=0)
            vectors[place] = OWN * vectors[place] + (1 - OWN) * mean
    scores = np.asarray(vectors @ question, np.float32)
    order = np.lexsort((hits.ids, -scores))
    return Hits(hits.ids[order], scores[order], vectors[order])
