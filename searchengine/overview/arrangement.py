"""Arrangement: an answer in another order, or with one segment for each photo or burst."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from searchengine.overview.columns import IndexColumns

Places = NDArray[np.int64]


class Order(StrEnum):
    """Orders of an answer: best first, newest first, largest first."""

    relevance = "relevance"
    date = "date"
    size = "size"


class Group(StrEnum):
    """Sets of which the best segment alone is shown."""

    segment = "segment"
    photo = "photo"
    burst = "burst"


def arranged(
    ids: NDArray[np.int64],
    columns: IndexColumns,
    order: Order,
    group: Group,
    bursts: NDArray[np.int64] | None = None,
) -> Places:
    """Places of the segments to be shown, in their order.

    Args:
        ids: n int64, segment ids, best first.
        columns: columns of the index that they are of; those that are gone are left out unless
            the order and all segments are wanted.
        order: order that is wanted; what is equal stays as it was.
        group: sets of which the best segment alone is wanted.
        bursts: number of each photo's burst; needed to group by it.
    """
    shown = np.arange(len(ids))
    if order is Order.relevance and group is Group.segment:
        return shown
    shown = shown[np.isin(ids, columns.segments.ids, assume_unique=True)]
    places = columns.places(ids[shown])
    photos = columns.photo_places[places]
    if group is not Group.segment:
        sets = photos.astype(np.int64)
        if group is Group.burst:
            assert bursts is not None
            sets = bursts[photos]
        first = np.sort(np.unique(sets, return_index=True)[1])
        shown, places, photos = shown[first], places[first], photos[first]
    if order is Order.date:
        taken = columns.photos.taken[photos]
        undated = np.isnat(taken)
        seconds = np.where(undated, 0, taken.astype(np.int64))
        return shown[np.lexsort((-seconds, undated))]
    if order is Order.size:
        return shown[np.argsort(-columns.segments.areas[places], kind="stable")]
    return shown
