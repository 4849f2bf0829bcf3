"""Facets: what an answer is made of, counted by month, folder, camera, format, size and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.photo_ninths import NINTHS, ninths_of
from searchengine.overview.columns import IndexColumns
from searchengine.overview.looks import Look

SIZES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Shares of the photo that divide small segments from large ones."""
MOST_NAMES = 200
"""Folders and cameras that are told; those with the most matches."""


def facets(
    ids: NDArray[np.int64],
    columns: IndexColumns,
    looks: Mapping[str, Look] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Counts of the matches in an answer.

    Args:
        ids: n int64, segment ids; those that are gone count nowhere.
        columns: columns of the index that they are of.
        looks: looks of the segments in the columns' order, by their kinds.

    Returns:
        By facet, records with a `count` each, none of them nought: `dates` (month, None for photos
        that tell none), `folders`, `cameras`, `formats`, `sizes` (from, to: shares of the photo)
        `places` (the ninth of the photo that the middle of a segment's box lies in), and one for
        each kind of `looks`.
    """
    places = columns.places(ids)
    photos, segments = columns.photos, columns.segments
    # counted once a photo, since there are far fewer
    of_photo = np.bincount(columns.photo_places[places], minlength=len(photos))
    return {
        "dates": _months(photos.taken, of_photo),
        "folders": _named("path", photos.folders, photos.folder, of_photo),
        "cameras": _named("name", photos.cameras, photos.camera, of_photo),
        "formats": _named("name", photos.formats, photos.format, of_photo),
        "sizes": _sizes(segments.areas[places]),
        "places": _ninths(segments.centres[places]),
        **{kind: _seen(look, places) for kind, look in (looks or {}).items()},
    }


def _seen(look: Look, places: NDArray[np.int64]) -> list[dict[str, Any]]:
    # nothing seen is -1, and counted first
    totals = np.bincount(look.codes[places].view(np.uint8) + np.uint8(1), minlength=1)[1:]
    order = np.argsort(-totals, kind="stable").tolist()
    return [{"name": look.names[i], "count": int(totals[i])} for i in order if totals[i]]


def _months(taken: NDArray[np.datetime64], counts: NDArray[np.int64]) -> list[dict[str, Any]]:
    months, which = np.unique(taken.astype("datetime64[M]"), return_inverse=True)
    totals = np.bincount(which, weights=counts, minlength=len(months)).astype(int)
    return [
        {"month": None if np.isnat(month) else str(month), "count": count}
        for month, count in zip(months, totals.tolist(), strict=True)
        if count
    ]


def _named(
    key: str, names: Sequence[str], codes: NDArray[np.int32], counts: NDArray[np.int64]
) -> list[dict[str, Any]]:
    known = codes >= 0
    totals = np.bincount(codes[known], weights=counts[known], minlength=len(names)).astype(int)
    order = np.argsort(-totals, kind="stable")[:MOST_NAMES]
    return [{key: names[i], "count": int(totals[i])} for i in order.tolist() if totals[i]]


def _sizes(areas: NDArray[np.float32]) -> list[dict[str, Any]]:
    which = np.searchsorted(np.array(SIZES[1:-1], np.float32), areas, side="right")
    totals = np.bincount(which, minlength=len(SIZES) - 1).tolist()
    bounds = zip(SIZES, SIZES[1:], totals, strict=False)
    return [{"from": low, "to": high, "count": count} for low, high, count in bounds if count]


def _ninths(centres: NDArray[np.float32]) -> list[dict[str, Any]]:
    totals = np.bincount(ninths_of(centres), minlength=len(NINTHS)).tolist()
    return [
        {"place": place, "count": count}
        for place, count in zip(NINTHS, totals, strict=True)
        if count
    ]
