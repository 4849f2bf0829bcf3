"""Measure of how well every pixel is named: mean IoU under USE's protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import bare_segments
from model.datasets.label_maps import UNJUDGED, LabelledPhoto, LabelledPhotos
from model.evaluation.comparison import CHANCE
from model.evaluation.looking import Looking
from model.evaluation.masks.mask_recall import in_photo_frame
from model.evaluation.ranking import mean
from model.evaluation.retrieval.observations import Seers
from model.evaluation.semantic.pixel_labels import (
    Confusion,
    class_probabilities,
    label_map,
)
from model.evaluation.tables import Row, Table
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image, read_image

SCALE = 100.0
TRUE_MASKS, WHOLE = "true masks", "whole photos"


def measure_labels(
    labelled: LabelledPhotos,
    seers: Seers,
    image_side: int,
    looking: Looking,
    scale: float = SCALE,
) -> Table:
    """Mean IoU over the classes, and IoU of each, with each segmenter's masks.

    Beside them the true masks of the classes with the same vectors, and the photo's own class
    for all of its pixels.

    Args:
        labelled: the photos.
        seers: maker of the embedder that names the masks, and of segmenters by the names of their
            columns.
        image_side: pixels of the longer side at which photos are looked at.
        looking: way in which the photos are looked at.
        scale: factor of the cosines before the softmax.
    """
    make = partial(_look, seers, labelled.classes, image_side, scale)
    seen = [each for _, each in looking.at(make, labelled.photos)]
    told = {column: Confusion(len(labelled.classes)) for column in seen[0].cells}
    for each in seen:
        for column, cells in each.cells.items():
            told[column].merge(*cells)
    covered = {column: [each.covered[column] for each in seen] for column in seen[0].covered}
    return _table(labelled, len(seen), told, covered)


@dataclass(frozen=True, eq=False)
class _Named:
    """Pixels of one photo by true and told class, as `Confusion.cells`, and the share of them that
    masks cover, both by column."""

    cells: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
    covered: dict[str, float]


def _look(
    seers: Seers, classes: Sequence[Sequence[str]], image_side: int, scale: float
) -> Callable[[LabelledPhoto], _Named]:
    embedder, segmenters = seers()
    owner = np.repeat(np.arange(len(classes)), [len(names) for names in classes])
    names = embedder.embed_texts([name for own in classes for name in own]).vectors

    def classed(image: Image, segments: Segments) -> NDArray[np.float64]:
        vectors = embedder.embed_segments(image, segments).vectors
        return class_probabilities(vectors, names, owner, scale)

    def look(photo: LabelledPhoto) -> _Named:
        told = {column: Confusion(len(classes)) for column in (*segmenters, TRUE_MASKS, WHOLE)}
        covered: dict[str, float] = {}
        image, labels = read_image(photo.path, max_side=image_side), photo.labels()
        size = (labels.shape[0], labels.shape[1])
        whole = classed(image, Segments.empty(image.size).with_whole())[0]
        looked = {column: segmenter.segment(image) for column, segmenter in segmenters.items()}
        looked[TRUE_MASKS] = true_segments(labels)
        for column, segments in looked.items():
            named, share = label_map(
                in_photo_frame(segments, size), size, classed(image, segments), whole
            )
            told[column].add(labels, named)
            covered[column] = share
        told[WHOLE].add(labels, np.full(size, int(whole.argmax()), np.int64))
        return _Named({column: each.cells() for column, each in told.items()}, covered)

    return look


def true_segments(labels: NDArray[np.int64]) -> Segments:
    """One segment for every class that a photo's labels (H×W) show."""
    shown = [value for value in np.unique(labels) if value != UNJUDGED]
    stacked = np.stack([np.zeros(labels.shape, np.bool_), *(labels == value for value in shown)])
    size = (labels.shape[0], labels.shape[1])
    return bare_segments(size, rle.encode(stacked[1:]) if shown else ())


def chance_ious(confusion: Confusion) -> NDArray[np.float64]:
    """C IoUs that classes drawn at random for every pixel reach."""
    true = confusion.counts.sum(axis=1) / max(int(confusion.counts.sum()), 1)
    drawn = 1 / len(true)
    return np.where(true > 0, true * drawn / (true + drawn - true * drawn), np.nan)


def _table(
    labelled: LabelledPhotos,
    photos: int,
    told: Mapping[str, Confusion],
    covered: Mapping[str, list[float]],
) -> Table:
    ious = {column: confusion.ious() for column, confusion in told.items()}
    ious[CHANCE] = chance_ious(next(iter(told.values())))
    judged = int((~np.isnan(ious[CHANCE])).sum())
    accuracy = [None if np.isnan(c.accuracy()) else c.accuracy() for c in told.values()]
    share = [mean(np.array(covered.get(column, []))) for column in told]
    rows = [
        Row("mIoU, classes", judged, tuple(mean(of_column) for of_column in ious.values())),
        Row("pixels named right, photos", photos, (*accuracy, 1 / len(labelled.classes))),
        Row("pixels under a mask, photos", photos, (*share, None)),
    ]
    pixels = next(iter(told.values())).counts.sum(axis=1)
    for number, names in enumerate(labelled.classes):
        if pixels[number]:
            figures = tuple(float(of_column[number]) for of_column in ious.values())
            rows.append(Row(f"IoU {names[0]}, pixels", int(pixels[number]), figures))
    title = f"pixels named as one of {len(labelled.classes)} classes: {labelled.name}"
    return Table(title, "cases", tuple(ious), tuple(rows))
