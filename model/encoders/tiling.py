"""One look at a photo, or one at all of it and one at each of its tiles, as maps on one grid.

Photos whose inputs have the same size are looked at together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor
from torch.nn import functional

from model.photos.images import Image

Size = tuple[int, int]
Maps = Mapping[str, Tensor]
Forward = Callable[[Tensor], Maps]
"""B×3×H×W pixels → maps by name, B×(H/patch)×(W/patch)×C each."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """A photo cut up.

    Attributes:
        pixels: T×3×n×n float32, standardised.
        corners: (row, column) of the first patch of each tile.
        grid: (h, w) patches of the whole.
    """

    pixels: Tensor
    corners: Sequence[Size]
    grid: Size


@dataclass(frozen=True)
class TiledInput:
    """Settings by which a photo becomes a tower's input.

    Attributes:
        patch: sides of a patch, pixels.
        side: longer side of the whole photo's input, pixels.
        tiles: longer side at which the photo is cut into tiles, pixels; 0: it is not.
        window: sides of a tile, pixels; a multiple of the patch.
        mean: means of red, green and blue in [0, 1], subtracted.
        deviation: deviations of red, green and blue, divided by.
        overlap: share of a tile's side that it has in common with its neighbour, at the least.
    """

    patch: int
    side: int
    tiles: int
    window: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if self.side < self.patch or 0 < self.tiles < self.patch:
            raise ValueError(f"a side is shorter than a patch of {self.patch} pixels")

    def maps(
        self,
        images: Sequence[Image],
        whole: Forward,
        part: Forward | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> list[tuple[Maps, Maps]]:
        """Each photo's maps without and with its tiles, h×w×C each; one pair where it has none.

        With tiles a map is the sum of that of the whole photo, enlarged, and of those of the
        tiles, blended where they overlap (TextRegion's multi-crop; papers.md §E, R1).

        Args:
            images: the photos.
            whole: looks at whole photos; what else it gives by names of its own (B×…) comes with
                the maps without tiles.
            part: looks at tiles; as at whole photos by default.
            shares: weights of the whole photo's maps in such sums, by name; 1 by default.
        """
        weights = shares or {}
        seen = together(whole, [self._pixels(image, self.side) for image in images])
        wholes = [{name: values[0] for name, values in maps.items()} for maps in seen]
        if not self.tiles:
            return [(maps, maps) for maps in wholes]
        cut = [self._tiles(image) for image in images]
        parts = together(part or whole, [tiles.pixels for tiles in cut])
        return [
            (
                maps,
                {
                    name: weights.get(name, 1.0) * enlarged(maps[name], tiles.grid)
                    + blended(values, tiles.corners, tiles.grid)
                    for name, values in tiled.items()
                },
            )
            for maps, tiled, tiles in zip(wholes, parts, cut, strict=True)
        ]

    def _tiles(self, image: Image) -> Tiles:
        pixels = self._pixels(image, self.tiles)[0]
        grid = (pixels.shape[1] // self.patch, pixels.shape[2] // self.patch)
        window = min(self.window // self.patch, *grid)
        corners = [
            (y, x)
            for y in starts(grid[0], window, self.overlap)
            for x in starts(grid[1], window, self.overlap)
        ]
        cut, length = [], window * self.patch
        for y, x in corners:
            top, left = y * self.patch, x * self.patch
            cut.append(pixels[:, top : top + length, left : left + length])
        return Tiles(torch.stack(cut), corners, grid)

    def _pixels(self, image: Image, side: int) -> Tensor:
        """1×3×h×w float32, standardised; sides are multiples of the patch."""
        height, width = fitted(image.size, side, self.patch)
        resized = PillowImage.fromarray(image.pixels).resize(
            (width, height), PillowImage.Resampling.BICUBIC
        )
        scaled = np.asarray(resized, np.float32) / 255
        standard = (scaled - np.array(self.mean, np.float32)) / np.array(self.deviation, np.float32)
        return torch.from_numpy(standard).permute(2, 0, 1)[None].contiguous()


def together(forward: Forward, inputs: Sequence[Tensor]) -> list[Maps]:
    """Outputs of a tower for each of several inputs (nᵢ×3×H×W), those of one size in one pass."""
    groups: dict[torch.Size, list[int]] = {}
    for number, pixels in enumerate(inputs):
        groups.setdefault(pixels.shape[1:], []).append(number)
    given: dict[int, Maps] = {}
    for numbers in groups.values():
        maps = forward(torch.cat([inputs[number] for number in numbers]))
        counts = [len(inputs[number]) for number in numbers]
        apart = {name: torch.split(values, counts) for name, values in maps.items()}
        for place, number in enumerate(numbers):
            given[number] = {name: values[place] for name, values in apart.items()}
    return [given[number] for number in range(len(inputs))]


def fitted(size: Size, side: int, patch: int) -> Size:
    """(height, width) nearest to the shape of `size`: multiples of the patch, the longer `side`
    (rounded down to one)."""
    longest = side // patch
    height, width = (max(round(length * longest / max(size)), 1) * patch for length in size)
    return height, width


def starts(length: int, window: int, overlap: float) -> list[int]:
    """Starts of windows that cover `length` cells evenly and overlap by a share at the least."""
    step = max(window * (1 - overlap), 1)
    count = int(np.ceil((length - window) / step)) + 1
    return [round(place) for place in np.linspace(0, length - window, count).tolist()]


def blended(tiles: Tensor, corners: Sequence[Size], grid: Size) -> Tensor:
    """h×w×C: tiles (T×n×n×C) laid out at their corners (rows, columns); where several lie on a
    cell each counts the more the farther the cell is from its edge."""
    side = tiles.shape[1]
    ramp = torch.minimum(torch.arange(1, side + 1), torch.arange(side, 0, -1)).to(tiles)
    weight = (ramp[:, None] * ramp[None, :])[..., None]
    total = tiles.new_zeros((*grid, tiles.shape[3]))
    weights = tiles.new_zeros((*grid, 1))
    for tile, (y, x) in zip(tiles, corners, strict=True):
        total[y : y + side, x : x + side] += weight * tile
        weights[y : y + side, x : x + side] += weight
    return total / weights


def enlarged(values: Tensor, grid: Size) -> Tensor:
    """A map (h×w×C) on another grid, bilinear, cells centred."""
    if values.shape[:2] == grid:
        return values
    resized = functional.interpolate(
        values.permute(2, 0, 1)[None], grid, mode="bilinear", align_corners=False
    )
    return resized[0].permute(1, 2, 0)
