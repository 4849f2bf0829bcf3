"""Towers that are looked through: the files of their weights, and how each looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Method = Literal["text-region", "corr-clip"]


@dataclass(frozen=True)
class TowerFiles:
    """Paths of the towers' weights.

    Attributes:
        clip: an open_clip checkpoint.
        dino: transformers' folder of a DINOv2, or a file in it; needed by `corr-clip` and by heads.
        tokenizer: transformers' folder of a tokenizer, or a file in it; only for SigLIP.
    """

    clip: Path
    dino: Path | None = None
    tokenizer: Path | None = None


@dataclass(frozen=True)
class TowerSettings:
    """Settings of the towers.

    Attributes:
        architecture: open_clip's name of CLIP's architecture, or the path of a configuration.
        tag: open_clip's name of its weights; tells of QuickGELU and of the input's standard.
        method: name of the training-free embedding.
        side: longer side of CLIP's input, pixels.
        dino_side: longer side of DINOv2's input, pixels.
        tiles: longer side at which both also look at tiles of the photo; 0: they do not.
        precision: one of `model.devices.PRECISIONS`.
        normalise: see `text_region`.
        mlp: see `text_region`.
    """

    architecture: str
    tag: str = ""
    method: Method = "text-region"
    side: int = 448
    dino_side: int = 448
    tiles: int = 0
    precision: str = "auto"
    normalise: bool = False
    mlp: bool = True
