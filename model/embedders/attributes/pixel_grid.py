"""The cells of a photo that looks are averaged over, and how much of them each mask covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.masks.coverage import coverage
from model.masks.segments import Segments
from model.masks.shares import Size
from model.photos.images import Image

Floats = NDArray[np.float32]

SIDE = 448  # pixels are read at this longer side
CELL = 4  # pixels of these


@dataclass(frozen=True, eq=False)
class Cells:
    """P cells of a photo, row by row, and N masks over them.

    Attributes:
        image: the photo, its longer side at most `SIDE`.
        grid: rows and columns.
        cover: N×P float32 in [0, 1], the share of each cell that each mask covers.
    """

    image: Image
    grid: Size
    cover: Floats

    @classmethod
    def of(cls, image: Image, segments: Segments) -> Cells:
        """Cells of `CELL` pixels, or of all there are where a side has fewer."""
        small = image.reduced(SIDE)
        height, width = small.size
        grid = (max(height // CELL, 1), max(width // CELL, 1))
        return cls(small, grid, coverage(segments, grid).numpy())

    def means(self, maps: Floats) -> Floats:
        """P×C float32 means over the cells of what H×W×C maps of the image hold."""
        starts, counts = [], []
        for length, cells in zip(self.image.size, self.grid, strict=True):
            edges = np.linspace(0, length, cells + 1).astype(int)
            starts.append(edges[:-1])
            counts.append(np.diff(edges))
        sums = np.add.reduceat(np.add.reduceat(maps, starts[0], axis=0), starts[1], axis=1)
        pixels = counts[0][:, None, None] * counts[1][:, None]
        return np.asarray((sums / pixels).reshape(-1, maps.shape[2]), np.float32)
