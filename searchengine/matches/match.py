"""Match: one segment that answers a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from indexer.catalog.records import PhotoRow, SegmentRow
from model.masks import resizing, rle
from model.percent_sure import percent_sure
from searchengine.photos.photo_pixels import is_missing, pixels_of

CONFIDENT = 0.5
COLUMNS = (
    "rank", "score", "confidence", "photo", "photo_id", "segment_id", "x", "y", "width", "height",
    "area", "taken_at", "camera", "latitude", "longitude", "label",
)  # fmt: skip
DOUBT = 0.49  # factor below which no confidence reaches CONFIDENT


@lru_cache(maxsize=8192)
def _outline(counts: bytes, frame: tuple[int, int], size: tuple[int, int]) -> bytes:
    """Run lengths at the photo's size; many questions find the same segments."""
    return resizing.resize_mask(counts, frame, size)


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A match's record, as JSON has it, as one flat row: `COLUMNS`, None for what is not known."""
    box = dict(zip(("x", "y", "width", "height"), record["bbox"], strict=True))
    return {name: box.get(name, record.get(name)) for name in COLUMNS}


@dataclass(frozen=True, eq=False)
class Match:
    """One segment that answers a query.

    Attributes:
        rank: 1 for the best.
        score: agreement with the query, as far as the embedding space knows: a cosine less the
            weighted cosines of the negatives. None where there was no query.
        confidence: calibrated probability in [0, 1] that the segment shows what was asked; never
            above that of the match before it.
        photo: the photo that it lies in.
        segment: the segment as the index holds it, in its working frame.
        merged: ids of segments of the same photo that overlap it and answer alike.
        duplicates: paths of photos that look the same and answered after this one.
        proposed: whether the index does not hold the segment, which was drawn for the query.
        label: name of the label that the segment answers for, where labels were asked.
        duplicate_ids: ids of the photos of `duplicates`, in their order.
    """

    rank: int
    score: float | None
    confidence: float | None
    photo: PhotoRow
    segment: SegmentRow
    merged: tuple[int, ...] = ()
    duplicates: tuple[str, ...] = ()
    proposed: bool = False
    label: str | None = None
    duplicate_ids: tuple[int, ...] = ()

    @property
    def segment_id(self) -> int:
        """The segment's id in the index; of a proposal a negative number, one a match."""
        return self.segment.id

    @cached_property
    def missing(self) -> bool:
        """Whether no file of the photo is there any more."""
        return is_missing(self.photo)

    @cached_property
    def counts(self) -> bytes:
        """COCO compressed run lengths of the mask, in pixels of the upright photo."""
        return _outline(self.segment.counts, self.segment.frame, self.photo.size)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width and height of the mask, in pixels of the upright photo."""
        x0, y0, x1, y1 = rle.boxes((self.counts,), self.photo.size)[0].astype(int).tolist()
        return x0, y0, x1 - x0, y1 - y0

    @cached_property
    def area(self) -> int:
        """The mask's pixels in the upright photo."""
        return int(rle.areas((self.counts,), self.photo.size)[0])

    def __repr__(self) -> str:
        told = [str(self.rank), repr(Path(self.photo.path).name), f"segment {self.segment_id}"]
        if self.score is not None:
            told.append(f"score {self.score:.2f}")
        if self.confidence is not None:
            told.append(f"{percent_sure(self.confidence)} sure")
        return f"Match({', '.join(told)})"

    def to_row(self) -> dict[str, Any]:
        """The match as one flat row, of a table or a CSV file: `COLUMNS`, None for what is not
        known."""
        return flat(self.to_dict())

    def doubted(self) -> Match:
        """The match where nothing can be right: what was asked is not understood."""
        confidence = None if self.confidence is None else DOUBT * self.confidence
        return replace(self, confidence=confidence)

    @property
    def segmentation(self) -> dict[str, Any]:
        """The mask as COCO's record: size [height, width], compressed counts as text."""
        return {"size": list(self.photo.size), "counts": self.counts.decode("ascii")}

    def mask(self) -> NDArray[np.bool_]:
        """The mask, height × width of the upright photo."""
        (mask,) = rle.decode((self.counts,), self.photo.size)
        return np.asarray(mask, np.bool_)

    def image(self) -> PillowImage.Image:
        """The whole photo, RGB and upright: box and mask are in its pixels.

        Raises:
            PhotoError: the photo cannot be read any more, or is not what was indexed.
        """
        return PillowImage.fromarray(pixels_of(self.photo))

    def cutout(self) -> PillowImage.Image:
        """The segment alone: RGBA, cropped to its box, transparent around the mask.

        Raises:
            PhotoError: the photo cannot be read any more, or is not what was indexed.
        """
        x, y, w, h = self.box
        window = slice(y, y + h), slice(x, x + w)
        pixels = pixels_of(self.photo)[window]
        alpha = self.mask()[window].astype(np.uint8) * 255
        return PillowImage.fromarray(np.dstack([pixels, alpha]))

    def to_dict(self) -> dict[str, Any]:
        """The match as the command line's JSON has it."""
        origin = self.segment.origin
        return {
            "rank": self.rank,
            "score": None if self.score is None else round(self.score, 4),
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "photo": self.photo.path,
            "photo_id": self.photo.id,
            "missing": self.missing,
            "duplicates": list(self.duplicates),
            "taken_at": self.photo.taken_at.isoformat() if self.photo.taken_at else None,
            "camera": self.photo.camera,
            "latitude": self.photo.latitude,
            "longitude": self.photo.longitude,
            "segment_id": self.segment_id,
            "proposed": self.proposed,
            **({} if self.label is None else {"label": self.label}),
            "origin": None if origin is None else asdict(origin),
            "bbox": list(self.box),
            "area": self.area,
            "segmentation": self.segmentation,
        }
