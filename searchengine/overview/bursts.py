"""Bursts: photos that were taken in one go, or look the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.columns import PhotoColumns
from searchengine.search.collapse import HASH_BITS, LOOKALIKE

SECONDS = 3
"""Time between two photos of one burst, of one camera."""
NEIGHBOURS = 32
"""Photos of the nearest perceptual hashes that each is compared with, in each part of the hash."""
Pairs = NDArray[np.int64]


def bursts(photos: PhotoColumns, cosine: Callable[[int, int], float]) -> NDArray[np.int64]:
    """P int64: for each photo the number of its burst, from 0 in the order of first photos.

    Photos of one camera belong together where each follows the one before within `SECONDS`; and
    so do photos whose perceptual hashes are close, where they are alike as wholes too.

    Args:
        photos: P photos.
        cosine: cosine of two photos as wholes, by their ids.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids = photos.ids
    alike = [
        pair
        for pair in _near_hashes(photos.hashes).tolist()
        if cosine(int(ids[pair[0]]), int(ids[pair[1]])) >= LOOKALIKE
    ]
    pairs = np.concatenate([_in_a_row(photos), np.array(alike, np.int64).reshape(-1, 2)])
    count = len(photos)
    ones = np.ones(len(pairs), np.bool_)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _in_a_row(photos: PhotoColumns) -> Pairs:
    """K×2 places of photos of one camera that follow each other within `SECONDS`."""
    dated = np.flatnonzero(~np.isnat(photos.taken))
    order = dated[np.lexsort((photos.taken[dated], photos.camera[dated]))]
    one, other = order[:-1], order[1:]
    gap = photos.taken[other] - photos.taken[one]
    near = (gap <= np.timedelta64(SECONDS, "s")) & (photos.camera[one] == photos.camera[other])
    return np.stack([one[near], other[near]], axis=1)


def _near_hashes(hashes: NDArray[np.int64]) -> Pairs:
    """K×2 places of photos whose hashes differ in few bits.

    Hashes that differ in fewer bits than they have parts are the same in one of the parts; there
    they are neighbours, mostly.
    """
    bits = hashes.view(np.uint64)
    parts = HASH_BITS + 1
    width = -(-64 // parts)
    found = [np.zeros((0, 2), np.int64)]
    for part in range(parts):
        own = (bits >> np.uint64(part * width)) & np.uint64((1 << width) - 1)
        order = np.lexsort((bits, own))
        for away in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
            one, other = order[:-away], order[away:]
            near = (own[one] == own[other]) & (
                np.bitwise_count(bits[one] ^ bits[other]) <= HASH_BITS
            )
            found.append(np.sort(np.stack([one[near], other[near]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0)
