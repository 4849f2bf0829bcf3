"""Views of photos: scaled, cut, mirrored and in another light, and their regions likewise."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor
from torch.nn import functional

from model.datasets.ground_truth import TruePhoto
from model.encoders.efficientnet import input_size, require_sides
from model.masks import rle

Size = tuple[int, int]
_VISIBLE = 0.3  # of a region that is cut: the least share that is still taught …
_MUCH = 0.1  # … unless what is left fills as much of the view
_CELLS = 3.0  # area of the smallest region that is taught, cells at stride 4
_TRIES = 8


@dataclass(frozen=True)
class ViewSettings:
    """Settings of the views of photos in training.

    Attributes:
        sides: pixels of the photo's longer side; one is drawn for each batch.
        windows: pixels; a view is cut to at most that in both directions, one is drawn likewise.
        light: largest change of brightness and gamma, as a share; of colour a quarter of that.
        mirrored: whether half of the views are.
    """

    sides: tuple[int, ...] = (448,)
    windows: tuple[int, ...] = (448,)
    light: float = 0.0
    mirrored: bool = True

    def __post_init__(self) -> None:
        require_sides("sides", *self.sides)
        require_sides("windows", *self.windows)

    def drawn(self, shape: Size, chance: random.Random) -> tuple[Size, Size]:
        """The sizes (height, width) of a photo and of a view cut from it, multiples of 32.

        Args:
            shape: (height, width) of the photos of a batch, alike in all of them.
            chance: source of random numbers.
        """
        whole = input_size(shape, chance.choice(self.sides))
        window = chance.choice(self.windows)
        return whole, (min(whole[0], window), min(whole[1], window))


@dataclass(frozen=True, eq=False)
class View:
    """A part of a photo as the trunk is shown it.

    Attributes:
        box: top, left, height and width of the part, pixels of the photo.
        size: (height, width) of the trunk's input.
        mirrored: whether left and right change places.
        table: 3×256 uint8, what becomes of each value of red, green and blue.
    """

    box: tuple[int, int, int, int]
    size: Size
    mirrored: bool
    table: NDArray[np.uint8]

    def pixels(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The view of a photo's pixels, h×w×3."""
        top, left, height, width = self.box
        part = PillowImage.fromarray(photo).resize(
            self.size[::-1],
            PillowImage.Resampling.BILINEAR,
            box=(left, top, left + width, top + height),
        )
        seen = np.stack([self.table[band][np.asarray(part)[..., band]] for band in range(3)], -1)
        return seen[:, ::-1] if self.mirrored else seen

    def targets(self, drawn: NDArray[np.bool_]) -> Tensor:
        """K×h/4×w/4 float32: of each cell at stride 4 the share that lies in each region.

        Regions of which too little is left to know them by are not taught, but one always is.

        Args:
            drawn: N×H×W, the photo's regions.
        """
        top, left, height, width = self.box
        part = drawn[:, top : top + height, left : left + width]
        visible, area = part.sum(axis=(1, 2)), drawn.sum(axis=(1, 2))
        known = (visible >= _VISIBLE * area) | (visible >= _MUCH * height * width)
        cells = (self.size[0] // 4) * (self.size[1] // 4)
        taught = known & (visible * cells >= _CELLS * height * width)
        taught[visible.argmax()] |= not taught.any()
        part = part[taught]
        if self.mirrored:
            part = part[:, :, ::-1]
        shares = torch.from_numpy(np.ascontiguousarray(part)).float()[None]
        return functional.adaptive_avg_pool2d(shares, (self.size[0] // 4, self.size[1] // 4))[0]


def drawn_view(
    photo: TruePhoto,
    drawn: NDArray[np.bool_],
    sizes: tuple[Size, Size],
    settings: ViewSettings,
    chance: random.Random,
) -> View:
    """A view of a photo in which one of its regions at least is to be seen.

    Args:
        photo: photo with at least one region.
        drawn: N×H×W, the photo's regions.
        sizes: (height, width) of all of the photo in the view's scale, and of the view.
        settings: strengths of mirroring and light.
        chance: source of random numbers.
    """
    whole, size = sizes
    mirrored = settings.mirrored and chance.random() < 0.5
    table = _table(settings.light, chance)
    height, width = (
        max(round(length * part / entire), 1)
        for length, part, entire in zip(photo.size, size, whole, strict=True)
    )
    for _ in range(_TRIES):  # around the middle of a region, which may lie outside of it
        x0, y0, x1, y1 = rle.boxes([chance.choice(photo.regions).counts], photo.size)[0].tolist()
        top = _start((y0 + y1) / 2, height, photo.size[0], chance)
        left = _start((x0 + x1) / 2, width, photo.size[1], chance)
        if drawn[:, top : top + height, left : left + width].any():
            return View((top, left, height, width), size, mirrored, table)
    return View((0, 0, *photo.size), size, mirrored, table)


def _start(middle: float, length: int, limit: int, chance: random.Random) -> int:
    """Start of a stretch that holds the middle and lies in [0, limit)."""
    last = limit - length
    return chance.randint(min(max(int(middle) - length + 1, 0), last), min(int(middle), last))


def _table(light: float, chance: random.Random) -> NDArray[np.uint8]:
    """3×256 uint8: brightness and gamma changed for all, each colour a little by itself."""
    values = np.arange(256, dtype=np.float32) / 255
    bend, gain = ((1 + light) ** chance.uniform(-1, 1) for _ in range(2))
    tints = [gain * (1 + light / 4) ** chance.uniform(-1, 1) for _ in range(3)]
    changed = np.outer(tints, 255 * values**bend)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)
