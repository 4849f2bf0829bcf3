"""Points on grids over the photo, and over crops of it, as in segment-anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Crop:
    """A part of a photo.

    Attributes:
        box: XYXY pixels, x1 and y1 exclusive.
        layer: 0 is the whole photo, layer n has 2ⁿ×2ⁿ crops.
    """

    box: tuple[int, int, int, int]
    layer: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), pixels."""
        return self.box[3] - self.box[1], self.box[2] - self.box[0]

    def of(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The pixels of a photo (H×W×3) that it holds."""
        x0, y0, x1, y1 = self.box
        return np.ascontiguousarray(photo[y0:y1, x0:x1])


def point_grid(per_side: int) -> Points:
    """per_side²×2 points (x, y) in the middles of equal parts of [0, 1]², row by row."""
    places = np.linspace(0.5 / per_side, 1 - 0.5 / per_side, per_side)
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)


def point_grids(per_side: int, layers: int, downscale: int) -> list[Points]:
    """A grid for the photo and for each layer of crops, each coarser by `downscale`."""
    return [point_grid(max(int(per_side / downscale**layer), 1)) for layer in range(layers + 1)]


def crops(size: tuple[int, int], layers: int, overlap: float) -> list[Crop]:
    """The photo of `size` (height, width), and its crops.

    Args:
        size: pixels.
        layers: number of layers of crops.
        overlap: share of the photo's shorter side by which crops of the first layer overlap.
    """
    height, width = size
    made = [Crop((0, 0, width, height), 0)]
    for layer in range(1, layers + 1):
        count = 2**layer
        common = int(overlap * min(size) * (2 / count))
        wide, high = (math.ceil((common * (count - 1) + side) / count) for side in (width, height))
        starts = [range(0, (side - common) * count, side - common) for side in (wide, high)]
        made += [
            Crop((x, y, min(x + wide, width), min(y + high, height)), layer)
            for x, y in product(*starts)
        ]
    return made


def check_grids(grids: Sequence[Points], layers: int) -> None:
    """Whether there is a grid of N×2 points for the photo and for each layer of crops.

    Raises:
        ValueError: one is missing, or is no N×2 array.
    """
    if len(grids) < layers + 1:
        raise ValueError(f"{len(grids)} point grids, expected {layers + 1}: one for each layer")
    for grid in grids:
        if grid.ndim != 2 or grid.shape[1] != 2:
            raise ValueError(f"a point grid has shape {grid.shape}, expected N×2")
