"""A match's mask in the frame that is exported: the upright photo's, or the file's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.records import PhotoRow
from model.masks import rle
from model.photos.images import to_raw_frame
from model.photos.orientation import turned_size
from searchengine.matches.match import Match


def frame_of(photo: PhotoRow, raw_frame: bool) -> tuple[int, int]:
    """(height, width) of the photo, upright or as its file has it."""
    return turned_size(photo.size, photo.orientation) if raw_frame else photo.size


@dataclass(frozen=True, eq=False)
class Framed:
    """One mask at full resolution.

    Attributes:
        match: match that the mask belongs to.
        raw_frame: whether rows and columns are those of the file, EXIF orientation not applied.
    """

    match: Match
    raw_frame: bool

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frame, pixels."""
        return frame_of(self.match.photo, self.raw_frame)

    @cached_property
    def counts(self) -> bytes:
        """COCO compressed run lengths."""
        photo = self.match.photo
        if not self.raw_frame or photo.orientation == 1:
            return self.match.counts
        turned = to_raw_frame(self.match.mask(), photo.orientation)
        return rle.encode(turned[None])[0]

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width and height, pixels."""
        x0, y0, x1, y1 = rle.boxes((self.counts,), self.size)[0].astype(int).tolist()
        return x0, y0, x1 - x0, y1 - y0

    @property
    def area(self) -> int:
        """Pixels that the mask covers."""
        return int(rle.areas((self.counts,), self.size)[0])

    @property
    def segmentation(self) -> dict[str, Any]:
        """COCO's record: size [height, width] and compressed counts as text."""
        return {"size": list(self.size), "counts": self.counts.decode("ascii")}

    def mask(self) -> NDArray[np.bool_]:
        """The mask, height × width of the frame."""
        decoded: NDArray[np.bool_] = rle.decode((self.counts,), self.size)[0]
        return decoded

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        x, y, width, height = self.box
        return slice(y, y + height), slice(x, x + width)

    def window_with(self, margin: float) -> tuple[slice, slice]:
        """Rows and columns of the box and of a margin around it, as far as the frame reaches.

        Args:
            margin: share of the box's longer side.
        """
        x, y, width, height = self.box
        more = round(margin * max(width, height))
        rows, columns = self.size
        return (
            slice(max(y - more, 0), min(y + height + more, rows)),
            slice(max(x - more, 0), min(x + width + more, columns)),
        )

    def cropped(self) -> NDArray[np.bool_]:
        """The mask within its box, height × width of the box."""
        return self.cropped_to(self.window)

    def cropped_to(self, window: tuple[slice, slice]) -> NDArray[np.bool_]:
        """The mask within rows and columns of the frame."""
        return rle.decode_window(self.counts, self.size, *window)

    def judgement(self) -> dict[str, float]:
        """Score and confidence, as far as there was a query; the segmenter's quality always."""
        match = self.match
        known = {
            "score": match.score,
            "confidence": match.confidence,
            "quality": match.segment.quality,
        }
        return {name: round(float(v), 4) for name, v in known.items() if v is not None}
