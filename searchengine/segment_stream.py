"""Segments as a stream, photo by photo, without a question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np

from indexer.catalog.filter import Filter
from searchengine.matches.match import Match
from searchengine.opened_index import OpenedIndex
from searchengine.queries.example import MOST_ID, no_such_segment

AT_ONCE = 1000


def stream_segments(
    opened: OpenedIndex, ids: Iterable[int] | None, where: Filter | None
) -> Iterator[Match]:
    """Segments of an index without scores: those of the ids, else all that conditions allow.

    Raises:
        QueryError: an id is not in the index.
    """
    with opened.turn():
        wanted = opened.reader.catalog.segment_ids(where)
    if ids is not None:
        wanted = np.unique(np.fromiter(map(_segment_id, ids), np.int64))
    for start in range(0, len(wanted), AT_ONCE):
        chosen = wanted[start : start + AT_ONCE].tolist()
        with opened.turn():
            catalog = opened.reader.catalog
            rows = catalog.segments(chosen)
            lost = [i for i in chosen if i not in rows]
            if lost:
                raise no_such_segment(lost[0])
            photos = catalog.photos({row.photo_id for row in rows.values()})
        for rank, i in enumerate(chosen, start + 1):
            yield Match(rank, None, None, photos[rows[i].photo_id], rows[i])


def surest_of_each(matches: Iterable[Match], most: int) -> Iterator[Match]:
    """Those matches of each photo whose outlines the segmenter is surest of, in their order.

    Args:
        matches: stream that brings each photo's matches together.
        most: number of each photo's matches at most.
    """
    for _, of_photo in groupby(matches, key=lambda match: match.photo.id):
        group = list(of_photo)
        surest = sorted(group, key=lambda match: -match.segment.quality)[:most]
        yield from sorted(surest, key=group.index)


def _segment_id(number: int) -> int:
    """The number, if a segment can have it."""
    if abs(number) > MOST_ID:
        raise no_such_segment(number)
    return number
