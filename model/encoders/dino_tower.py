"""The DINOv2 tower, with or without registers: patch features from one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.encoders.tiling import Size, TiledInput
from model.errors import WeightsMismatch, shown
from model.photos.images import Image
from model.weights.transformers_folder import load_folder, read_config

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WINDOW = 518  # sides of a tile, pixels: what DINOv2 was trained with at last


@dataclass(frozen=True, eq=False)
class DinoView:
    """Features of DINOv2 for one photo; all float32, P = h·w patches row by row.

    Attributes:
        grid: (h, w), patches of the maps.
        features: P×C, patches after the last norm.
        levels: P×C patches by number of the block (1 to L).
    """

    grid: Size
    features: Tensor
    levels: Mapping[int, Tensor]


class DinoTower:
    """A frozen DINOv2 over photos of any size.

    Args:
        weights: a folder of transformers (`config.json`, `model.safetensors`), or a file in it.
        side: longer side of its input, pixels.
        tiles: longer side at which the photo is also looked at in tiles; 0: it is not.
        device: the CPU by default.
        dtype: number format of the arithmetic.

    Attributes:
        width: C, components of a feature.
        depth: L, number of blocks.

    Raises:
        WeightsMismatch: the folder holds no DINOv2.
    """

    def __init__(
        self,
        weights: Path,
        side: int = 448,
        tiles: int = 0,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        folder = weights if weights.is_dir() else weights.parent
        self._device = device or torch.device("cpu")
        self._network = _network(folder).to(self._device, dtype)
        config = self._network.config
        self.width = int(config.hidden_size)
        self.depth = int(config.num_hidden_layers)
        self._prefix = 1 + int(getattr(config, "num_register_tokens", 0))
        self._patch = int(config.patch_size)
        window = WINDOW // self._patch * self._patch
        self._looks = TiledInput(self._patch, side, tiles, window, MEAN, DEVIATION)

    def look(self, image: Image, levels: Sequence[int] = ()) -> DinoView:
        """One photo's maps; see `look_at_all`."""
        return self.look_at_all([image], levels)[0]

    @torch.inference_mode()
    def look_at_all(self, images: Sequence[Image], levels: Sequence[int] = ()) -> list[DinoView]:
        """Each photo's maps; photos whose inputs have one size are looked at in one pass.

        Args:
            images: the photos.
            levels: numbers of the blocks that are wanted, 1 to L.
        """

        def forward(pixels: Tensor) -> dict[str, Tensor]:
            seen = self._network(
                pixels.to(self._device, self._network.dtype), output_hidden_states=bool(levels)
            )
            maps = {"features": seen.last_hidden_state}
            maps |= {str(level): seen.hidden_states[level] for level in levels}
            h, w = (length // self._patch for length in pixels.shape[-2:])
            return {
                name: m[:, self._prefix :].float().reshape(len(m), h, w, -1)
                for name, m in maps.items()
            }

        return [
            DinoView(
                (maps["features"].shape[0], maps["features"].shape[1]),
                maps["features"].flatten(0, 1),
                {level: maps[str(level)].flatten(0, 1) for level in levels},
            )
            for _, maps in self._looks.maps(images, forward)
        ]


def _network(folder: Path) -> Any:
    from transformers import Dinov2Model, Dinov2WithRegistersModel

    kinds = {"dinov2": Dinov2Model, "dinov2_with_registers": Dinov2WithRegistersModel}
    holds = "a DINOv2 (config.json and model.safetensors)"
    remedy = "fetch it again, or name another folder in the preset's file"
    try:
        kind = kinds[read_config(folder)["model_type"]]
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise WeightsMismatch(f"{shown(folder)} does not hold {holds}", remedy) from error
    return load_folder(kind, folder, holds, remedy)
