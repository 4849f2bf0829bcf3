"""Segments: the masks of one photo, as a struct of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.masks import rle
from model.masks.hierarchy import part_whole_parents

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Segments:
    """N masks of one photo, in the frame in which they were made.

    That frame is the upright photo at the segmenter's working size; one pixel of it covers
    `photo_height / height` × `photo_width / width` pixels of the photo.

    Attributes:
        size: (height, width) of the working frame, pixels.
        counts: N COCO compressed run lengths of masks of that size.
        boxes: N×4 float32, XYXY in pixels of the working frame; x1 and y1 are exclusive.
        areas: N int64, pixels of the working frame.
        quality: N float32 in [0, 1], the segmenter's own estimate of how well the mask fits.
        parents: N int64, the index of the smallest segment that contains this one, or -1:
            a part points to its whole.

    Raises:
        ValueError: the arrays do not belong together.
    """

    size: tuple[int, int]
    counts: tuple[bytes, ...]
    boxes: Floats
    areas: Ints
    quality: Floats
    parents: Ints = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.counts)
        expected = {"boxes": (n, 4), "areas": (n,), "quality": (n,), "parents": (n,)}
        for name, shape in expected.items():
            actual = getattr(self, name).shape
            if actual != shape:
                raise ValueError(f"Segments.{name} has shape {actual}, expected {shape}")
        if min(self.size) < 1:
            raise ValueError(f"Segments.size is {self.size}, expected positive (height, width)")
        if n and not (self.parents < n).all():
            raise ValueError(f"Segments.parents points past the {n} segments")
        if n and (self.parents == np.arange(n)).any():
            raise ValueError("Segments.parents has a segment that contains itself")

    @classmethod
    def empty(cls, size: tuple[int, int]) -> Segments:
        """No segments in a frame of `size` (height, width)."""
        return cls(
            size,
            (),
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.int64),
            np.zeros(0, np.float32),
            np.zeros(0, np.int64),
        )

    @classmethod
    def from_counts(
        cls,
        size: tuple[int, int],
        counts: Sequence[bytes],
        quality: Sequence[float] | Floats | None = None,
    ) -> Segments:
        """Segments from COCO compressed run lengths; boxes, areas and parents are derived."""
        counts = tuple(counts)
        return cls(
            size,
            counts,
            rle.boxes(counts, size),
            rle.areas(counts, size),
            np.ones(len(counts), np.float32)
            if quality is None
            else np.asarray(quality, np.float32),
            part_whole_parents(counts, size),
        )

    @classmethod
    def from_masks(
        cls, masks: NDArray[np.bool_], quality: Sequence[float] | Floats | None = None
    ) -> Segments:
        """Segments from N×H×W boolean masks; empty masks are an error.

        Raises:
            ValueError: a mask has no pixel.
        """
        if masks.ndim != 3:
            raise ValueError(f"masks have shape {masks.shape}, expected N×H×W")
        if masks.shape[0] and not masks.any(axis=(1, 2)).all():
            raise ValueError("a mask has no pixel; drop empty masks first")
        return cls.from_counts((masks.shape[1], masks.shape[2]), rle.encode(masks), quality)

    @classmethod
    def unrelated(cls, size: tuple[int, int], counts: Sequence[bytes], quality: Floats) -> Segments:
        """Segments as by `from_counts` without parents, which take long to find among many."""
        return cls(
            size,
            tuple(counts),
            rle.boxes(counts, size),
            rle.areas(counts, size),
            quality,
            np.full(len(counts), -1, np.int64),
        )

    def __len__(self) -> int:
        return len(self.counts)

    def __iter__(self) -> Iterator[Segments]:
        return (self[i : i + 1] for i in range(len(self)))

    def __getitem__(self, index: slice | Sequence[int] | NDArray[np.generic]) -> Segments:
        """The chosen segments, in that order; a parent that is not chosen becomes the nearest
        chosen ancestor, or -1."""
        rows = index if isinstance(index, slice) else np.asarray(index)
        if not isinstance(rows, slice) and not rows.size:
            rows = rows.astype(np.int64)  # an empty list becomes an array of floats
        chosen = np.arange(len(self))[rows]
        place = np.full(len(self) + 1, -1, np.int64)
        place[chosen] = np.arange(len(chosen))
        ancestors = self.parents[chosen]
        while ((place[ancestors] < 0) & (ancestors >= 0)).any():
            lost = (place[ancestors] < 0) & (ancestors >= 0)
            ancestors = np.where(lost, self.parents[ancestors], ancestors)
        return Segments(
            self.size,
            tuple(self.counts[i] for i in chosen),
            self.boxes[chosen],
            self.areas[chosen],
            self.quality[chosen],
            np.where(ancestors >= 0, place[ancestors], -1),
        )

    def with_whole(self) -> Segments:
        """These segments and, last, one that is the whole frame: the root of the part–whole tree.

        Its quality is 0, since no segmenter vouches for it. It answers what is asked of a photo
        rather than of a thing in it, and for things that the segmenter missed.
        """
        n, (height, width) = len(self), self.size
        return Segments(
            self.size,
            (*self.counts, rle.encode(np.ones((1, height, width), np.bool_))[0]),
            np.vstack([self.boxes, np.array([[0, 0, width, height]], np.float32)]),
            np.append(self.areas, height * width),
            np.append(self.quality, np.float32(0)),
            np.append(np.where(self.parents < 0, n, self.parents), -1),
        )

    def masks(self) -> NDArray[np.bool_]:
        """N×H×W boolean masks in the working frame."""
        return rle.decode(self.counts, self.size)
