"""The CLIP tower: what it sees in one photo, from one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.encoders.clip_vision import ClassTokenVision, ClipVision, vision_of
from model.encoders.clip_weights import ClipNetwork
from model.encoders.tiling import Maps, Size, TiledInput
from model.photos.images import Image

WINDOW = 336  # sides of a tile, pixels, rounded down to patches
_MIDDLE = {12: range(6, 11), 24: range(11, 23), 32: range(3, 31)}


@dataclass(frozen=True, eq=False)
class ClipView:
    """Features of CLIP for one photo; all float32, P = h·w patches row by row.

    Attributes:
        grid: (h, w), patches of the maps.
        values: P×C, values of the last attention.
        levels: P×C patches by number of the block (1 to L).
        middle: P×C, V of the mean of the middle blocks (R2); None unless asked for.
        whole: D, CLIP's own embedding of the photo, not of length 1.
        states: tokens of the photo without tiles, L+1 tensors 1×(1+p)×C in the tower's own type.
        first_grid: (h, w) of these.
    """

    grid: Size
    values: Tensor
    levels: Mapping[int, Tensor]
    middle: Tensor | None
    whole: Tensor
    states: Sequence[Tensor]
    first_grid: Size


class ClipTower:
    """A CLIP's image side over photos of any size.

    Args:
        clip: the network.
        side: longer side of its input, pixels.
        tiles: longer side at which the photo is also looked at in tiles; 0: it is not.
    """

    def __init__(self, clip: ClipNetwork, side: int, tiles: int = 0) -> None:
        self.vision: ClipVision = vision_of(clip.network)
        self._device = clip.device
        patch = self.vision.patch
        window = WINDOW // patch * patch
        self._looks = TiledInput(patch, side, tiles, window, clip.mean, clip.deviation)

    def look(self, image: Image, levels: Sequence[int] = (), middle: bool = False) -> ClipView:
        """One photo's maps; see `look_at_all`."""
        return self.look_at_all([image], levels, middle)[0]

    @torch.inference_mode()
    def look_at_all(
        self, images: Sequence[Image], levels: Sequence[int] = (), middle: bool = False
    ) -> list[ClipView]:
        """Each photo's maps; photos whose inputs have one size are looked at in one pass.

        Args:
            images: the photos.
            levels: numbers of the blocks whose patches are wanted, 1 to L.
            middle: whether the values of the middle blocks are wanted; a class token is needed.
        """
        vision = self.vision

        def part(pixels: Tensor) -> dict[str, Tensor]:
            return self._maps(vision.states(pixels.to(self._device)), pixels, levels, middle)

        def whole(pixels: Tensor) -> dict[str, Tensor]:
            states = vision.states(pixels.to(self._device))
            more = {f"state {number}": state for number, state in enumerate(states)}
            more["whole"] = vision.whole(states).float()
            return self._maps(states, pixels, levels, middle) | more

        seen = self._looks.maps(images, whole, part, {"values": vision.whole_share})
        return [self._view(first, maps, levels) for first, maps in seen]

    def _view(self, first: Maps, maps: Maps, levels: Sequence[int]) -> ClipView:
        """The view that a photo's maps without and with its tiles make."""
        values = maps["values"] if maps is first else self.vision.tiled_values(maps["values"])
        return ClipView(
            (values.shape[0], values.shape[1]),
            values.flatten(0, 1),
            {level: maps[f"level {level}"].flatten(0, 1) for level in levels},
            maps["middle"].flatten(0, 1) if "middle" in maps else None,
            first["whole"],
            [first[f"state {number}"][None] for number in range(self.vision.depth + 1)],
            (first["values"].shape[0], first["values"].shape[1]),
        )

    def _maps(
        self, states: list[Tensor], pixels: Tensor, levels: Sequence[int], middle: bool
    ) -> dict[str, Tensor]:
        vision = self.vision
        maps = {f"level {level}": states[level][:, vision.prefix :] for level in levels}
        maps["values"] = vision.values(states)
        if middle and isinstance(vision, ClassTokenVision):
            chosen = torch.stack([states[i] for i in middle_blocks(vision.depth)])
            maps["middle"] = vision.values_of(chosen.mean(dim=0))[:, 1:]
        h, w = (length // vision.patch for length in pixels.shape[-2:])
        return {name: m.float().reshape(len(m), h, w, -1) for name, m in maps.items()}


def middle_blocks(depth: int) -> range:
    """Numbers (1 to L) of the blocks whose mean R2 takes: 0-based 5 to 9 of 12, 10 to 21 of 24 and
    2 to 29 of 32, as the released code has them; of other depths as far in as of 12 (ours)."""
    if depth in _MIDDLE:
        return _MIDDLE[depth]
    first = round(depth * 5 / 12) + 1
    return range(first, max(depth - 1, first + 1))
