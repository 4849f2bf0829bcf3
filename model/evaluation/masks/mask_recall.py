"""Measure of how well segmenters find what people outlined: average recall of their masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import LEAST_SHARE, Region, TruePhoto, Truth, regions_of
from model.evaluation.looking import Looking
from model.evaluation.masks.average_recall import THRESHOLDS, found_at, recall
from model.evaluation.ranking import mean
from model.evaluation.tables import Row, Table
from model.masks import rle
from model.masks.resizing import resize_mask
from model.masks.segments import Segments
from model.segmenter import Segmenter

FIRST = (10, 100, 1000)
ANY = 1 << 30  # more than any segmenter keeps
SIZES: Mapping[str, tuple[float, float]] = {  # shares of the photo; some lie in others
    "tiny, under 0.2 % of the photo": (0.0, LEAST_SHARE),
    "under 0.5 % of the photo": (0.0, 0.005),
    "0.2–0.5 % of the photo": (LEAST_SHARE, 0.005),
    "small, 0.2–1 % of the photo": (LEAST_SHARE, 0.01),
    "medium, 1–10 %": (0.01, 0.1),
    "large, over 10 %": (0.1, np.inf),
}
ALL = "all"
Segmenters = Callable[[], Mapping[str, Segmenter]]
"""Makes segmenters, by the names of their columns."""


@dataclass(frozen=True, eq=False)
class Found:
    """Regions of one photo that one segmenter found.

    Attributes:
        source: source of the photo.
        places: T×M table for `ALL` and each of `SIZES`, see `found_at`; regions of that size only.
        seconds: time that the segmenter took.
    """

    source: str
    places: Mapping[str, NDArray[np.int64]]
    seconds: float


def measure_masks(
    truth: Truth,
    segmenters: Segmenters,
    looking: Looking,
    annotator: int = 0,
    least: float = LEAST_SHARE,
    side: int | None = None,
) -> Table:
    """Average recall of each segmenter's masks at the photos' own size.

    Args:
        truth: the photos; those without a region are left out.
        segmenters: maker of the segmenters.
        looking: way in which the photos are looked at.
        annotator: number of the person whose regions count, where several annotated a photo.
        least: share of the photo below which regions are not asked for.
        side: longer side at which photos are read, pixels; by default their own.
    """
    asked = [photo for photo in truth.photos if regions_of(photo, annotator, least)]
    found = [
        each for _, each in looking.at(partial(_look, segmenters, annotator, least, side), asked)
    ]
    names = tuple(found[0])
    return Table(
        f"class-agnostic masks against outlined regions over {least * 100:g} % of the photo",
        "regions",
        names,
        tuple(_rows([[each[name] for each in found] for name in names])),
    )


def _look(
    segmenters: Segmenters, annotator: int, least: float, side: int | None
) -> Callable[[TruePhoto], dict[str, Found]]:
    made = segmenters()

    def look(photo: TruePhoto) -> dict[str, Found]:
        image, regions = photo.read(side), regions_of(photo, annotator, least)
        found = {}
        for name, segmenter in made.items():
            start = time.perf_counter()
            segments = segmenter.segment(image)
            seconds = time.perf_counter() - start
            found[name] = Found(photo.source, _places(segments, photo, regions), seconds)
        return found

    return look


def in_photo_frame(segments: Segments, size: tuple[int, int]) -> tuple[bytes, ...]:
    """The masks' run lengths in the photo's own frame, as they would be exported."""
    return tuple(resize_mask(counts, segments.size, size) for counts in segments.counts)


def _places(
    segments: Segments, photo: TruePhoto, regions: Sequence[Region]
) -> dict[str, NDArray[np.int64]]:
    counts = [region.counts for region in regions]
    iou = rle.iou(in_photo_frame(segments, photo.size), counts, photo.size)
    share = rle.areas(counts, photo.size) / (photo.size[0] * photo.size[1])
    places = {ALL: found_at(iou)}
    for name, (least, below) in SIZES.items():
        counted = (share >= least) & (share < below)
        places[name] = found_at(iou, counted)[:, counted]
    return places


def _rows(columns: Sequence[Sequence[Found]]) -> list[Row]:
    """Rows of all sources together, of all sizes, then of each source."""
    first = columns[0]
    sources = list(dict.fromkeys(found.source for found in first))

    def row(what: str, group: str, source: str | None, k: int, mean_of: slice) -> Row:
        tables = [
            np.concatenate(
                [found.places[group] for found in column if source in (None, found.source)], axis=1
            )
            for column in columns
        ]
        count = tables[0].shape[1]
        figures = [float(recall(t, k)[mean_of].mean()) if count else None for t in tables]
        return Row(what, count, tuple(figures))

    every, half = slice(0, len(THRESHOLDS)), slice(0, 1)
    rows = [row(f"AR@{k} over IoU 0.5–0.95", ALL, None, k, every) for k in FIRST]
    rows.append(row("recall at IoU 0.5, first 100", ALL, None, 100, half))
    rows.append(row("recall at IoU 0.5, all masks", ALL, None, ANY, half))
    for size in SIZES:
        if not any(found.places[size].shape[1] for found in first):
            continue
        rows.append(row(f"AR@100, {size}", size, None, 100, every))
        rows.append(row(f"recall at IoU 0.5, {size}", size, None, 100, half))
        rows.append(row(f"recall at IoU 0.5, all masks, {size}", size, None, ANY, half))
    if len(sources) > 1:
        for source in sources:
            rows.append(row(f"{source}: AR@100", ALL, source, 100, every))
            rows.append(row(f"{source}: recall at IoU 0.5", ALL, source, 100, half))
    seconds = [mean(np.array([found.seconds for found in column])) for column in columns]
    rows.append(Row("seconds, mean of so many photos", len(first), tuple(seconds)))
    return rows
