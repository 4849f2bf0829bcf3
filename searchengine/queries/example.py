"""Example: a photo, a point, a box or a segment as the question."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from indexer.catalog.records import SegmentRow
from indexer.index import Index
from model.argument_types import require_type
from model.embeddings import Embeddings
from model.errors import QueryError, shown
from model.masks import rle
from model.masks.segments import Segments
from model.photos.files import read_once
from model.photos.images import Image, content_hash, read_image
from model.presets.preset import Models, Preset
from model.stores.urls import absolute_place, is_url
from searchengine.photos.segment_rows import as_segments, is_whole

MOST_ID = (1 << 63) - 1  # what the catalog can hold
_FRAME = "in pixels of the upright photo"


@dataclass(frozen=True)
class Example:
    """Example that was pointed at.

    Attributes:
        photo: a file (`Path` or text) or an object of a store (its URL), indexed or not; None
            where `segment` alone says enough.
        at: x, y of a point in pixels of the upright photo: the smallest segment there is meant.
        box: x, y, width, height in pixels of the upright photo: the segment that fills it is meant.
            Where no segment is, what a segmenter that can be asked draws there.
        segment: id of a segment of the index.

    Raises:
        QueryError: nothing or too much is pointed at.
    """

    photo: Path | str | None = None
    at: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    segment: int | None = None

    def __post_init__(self) -> None:
        require_type("Example.photo", self.photo, str | Path | None, "the path of a photo")
        if self.photo is not None and not is_url(self.photo):
            object.__setattr__(self, "photo", Path(self.photo))
        require_type("Example.segment", self.segment, Integral | None, "the id of a segment")
        pointers = [p for p in (self.at, self.box, self.segment) if p is not None]
        if len(pointers) > 1:
            raise QueryError(
                "more than one of a point, a box and a segment is given", "give one of them"
            )
        if self.photo is None and self.segment is None:
            raise QueryError("no photo is given", "give a photo, or the id of a segment")
        if self.at is not None:
            _require_numbers("point", self.at, 2)
        if self.box is not None:
            _require_numbers("box", self.box, 4)
            if min(self.box[2:]) <= 0:
                raise QueryError(
                    f"the box {_told(self.box)} has no width or no height",
                    f"give x,y,width,height {_FRAME}",
                )

    def __str__(self) -> str:
        if self.segment is not None:
            return f"like segment {self.segment}"
        place = _told(self.at or self.box or ())
        where = f" at {place}" if self.at else f" in box {place}" if self.box else ""
        return f"like {shown(self.photo)}{where}"


def _require_numbers(name: str, place: Sequence[float], count: int) -> None:
    require_type(f"the {name}", place, Sequence | np.ndarray, f"{count} numbers")
    for number in place:
        require_type(f"a number of the {name}", number, Real, "a number")
    if len(place) != count or not all(math.isfinite(number) for number in place):
        meant = "x,y" if count == 2 else "x,y,width,height"
        raise QueryError(f"{shown(place)} is no {name}", f"give {meant} {_FRAME}")


def _told(place: Sequence[float]) -> str:
    return ",".join(f"{number:.10g}" for number in place)


def no_such_segment(number: int) -> QueryError:
    """Error for an id that no segment of the index has."""
    return QueryError(
        f"there is no segment {number} in the index", "take a segment_id from a search on it"
    )


def embed_example(
    example: Example, index: Index, preset: Preset, models: Models
) -> tuple[Embeddings, int | None]:
    """The example as one vector, and the id of the segment that it is, if it is one of the index.

    Raises:
        QueryError: the segment is not in the index, or the place is outside the photo.
        PhotoError: the photo cannot be read.
    """
    catalog = index.catalog
    if example.segment is not None:
        known = abs(example.segment) <= MOST_ID and catalog.segments([example.segment])
        if not known:
            raise no_such_segment(example.segment)
        vector = catalog.vectors_of(np.array([example.segment]))
        return Embeddings.unit(vector, models.embedder.space), example.segment
    assert example.photo is not None
    source = read_once(absolute_place(example.photo))
    photo_id = catalog.photo_by_hash(content_hash(source))
    rows: list[SegmentRow] = []
    if photo_id is not None:
        if example.at is None and example.box is None:
            vector = catalog.photo_vector(photo_id)[None]
            return Embeddings.unit(vector, models.embedder.space), None
        rows = catalog.segments_of(photo_id)
        row = row_meant(example, rows, catalog.photos([photo_id])[photo_id].size)
        if row is not None:
            vector = catalog.vectors_of(np.array([row.id]))
            return Embeddings.unit(vector, models.embedder.space), row.id
    image = read_image(source, max_side=preset.image_side, finer_panoramas=True)
    return embed_seen(example, image, rows, models), None


def embed_seen(
    example: Example, image: Image, rows: list[SegmentRow], models: Models
) -> Embeddings:
    """The vector that what is meant would have, had the photo been indexed with it.

    Args:
        example: photo, or place in it, that is no segment of the index.
        image: the photo.
        rows: segments that the photo is indexed with; none where it is not.
        models: the preset's.
    """
    if example.at is None and example.box is None:
        if not models.embedder.depends_on_others:
            return models.embedder.embed_image(image)
        among = models.segmenter.segment(image).with_whole()
        return models.embedder.embed_among(image, among[-1:], among)
    rectangle = _rectangle(example, image)
    segments = Segments.empty(image.size)
    if rows:
        among = as_segments(rows, rows[0].frame)
    else:
        found = models.segmenter.segment(image)
        among, hit = found.with_whole(), _meant(example, found, image.original_size)
        if hit is not None:
            segments = found[[hit]]
    if not len(segments):
        segments = models.segmenter.prompted(image, at=example.at, box=example.box)
    if not len(segments):  # nothing can be told apart there
        segments = Segments.from_masks(rectangle[None])
    return models.embedder.embed_among(image, segments, among)


def _rectangle(example: Example, image: Image) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """The box, or a square of a tenth of the photo around the point, as a mask."""
    if example.box is not None:
        return _box_mask(example.box, image)
    assert example.at is not None
    _require_inside(example.at, image.original_size)
    side = 0.1 * max(image.original_size)
    x, y = example.at
    return _box_mask((x - side / 2, y - side / 2, side, side), image)


def row_meant(example: Example, rows: list[SegmentRow], size: tuple[int, int]) -> SegmentRow | None:
    """The one of a photo's segments that is meant, if any; the photo itself is none of them."""
    things = [row for row in rows if not is_whole(row)]
    hit = _meant(example, as_segments(things, things[0].frame), size) if things else None
    return None if hit is None else things[hit]


def _meant(example: Example, segments: Segments, size: tuple[int, int]) -> int | None:
    """The smallest segment at the point, or the one that fills the box, in a photo of `size`."""
    if example.at is not None:
        return _smallest_at(example.at, segments, size)
    assert example.box is not None
    return _best_in(example.box, segments, size)


def _smallest_at(at: tuple[float, float], segments: Segments, size: tuple[int, int]) -> int | None:
    _require_inside(at, size)
    y = min(int(at[1] * segments.size[0] / size[0]), segments.size[0] - 1)
    x = min(int(at[0] * segments.size[1] / size[1]), segments.size[1] - 1)
    covering = np.flatnonzero(rle.decode(segments.counts, segments.size)[:, y, x])
    return int(covering[segments.areas[covering].argmin()]) if len(covering) else None


def _best_in(
    box: tuple[float, float, float, float], segments: Segments, size: tuple[int, int]
) -> int | None:
    """The segment whose own box is most like this one, if they have more in common than not."""
    if not len(segments):
        return None
    scale = np.tile(np.array(segments.size[::-1]) / np.array(size[::-1]), 2)
    asked = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]]) * scale
    start = np.maximum(segments.boxes[:, :2], asked[:2])
    end = np.minimum(segments.boxes[:, 2:], asked[2:])
    common = (end - start).clip(0).prod(axis=1)
    areas = (segments.boxes[:, 2:] - segments.boxes[:, :2]).prod(axis=1)
    iou = common / (areas + (asked[2:] - asked[:2]).prod() - common)
    best = int(iou.argmax())
    return best if iou[best] > 0.5 else None


def _require_inside(at: tuple[float, float], size: tuple[int, int]) -> None:
    if not (0 <= at[0] < size[1] and 0 <= at[1] < size[0]):
        raise QueryError(
            f"the point {at[0]:g},{at[1]:g} is outside the photo of {size[1]}×{size[0]} pixels",
            f"give x,y {_FRAME}",
        )


def _box_mask(
    box: tuple[float, float, float, float], image: Image
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """The box on the image as it was read, at least one pixel of it."""
    scale = np.array(image.size[::-1]) / np.array(image.original_size[::-1])
    start = np.floor(np.array(box[:2]) * scale).astype(int)
    end = np.ceil((np.array(box[:2]) + np.array(box[2:])) * scale).astype(int)
    start, end = np.maximum(start, 0), np.minimum(np.maximum(end, start + 1), image.size[::-1])
    if not (start < end).all():
        height, width = image.original_size
        raise QueryError(
            f"the box {_told(box)} is outside the photo of {width}×{height} pixels",
            f"give x,y,width,height {_FRAME}",
        )
    mask = np.zeros(image.size, np.bool_)
    mask[start[1] : end[1], start[0] : end[0]] = True
    return mask
