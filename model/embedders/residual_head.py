"""USE's head over frozen towers, as a residual of a training-free embedding (papers.md §A, §E).

e = unit(e0 + W_r h), with W_r = 0 before training: what is not learned yet changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model.weights.tensor_file import fitting, network_file


@dataclass(frozen=True)
class HeadShape:
    """Sizes of the inputs and outputs of a residual head.

    Attributes:
        clip_levels: numbers of CLIP's blocks whose patches it takes, 1 to L.
        dino_levels: the same of DINOv2.
        clip_width: components of CLIP's patches.
        dino_width: components of DINOv2's patches.
        dimension: components of CLIP's joint space.
        width: width of the fused features.
        towers: digest of the towers that the head was trained on.
    """

    clip_levels: tuple[int, ...]
    dino_levels: tuple[int, ...]
    clip_width: int
    dino_width: int
    dimension: int
    width: int
    towers: str


@dataclass(frozen=True, eq=False)
class LevelMaps:
    """Both towers' patches of one photo on one grid, P patches.

    Attributes:
        levels: P×C each: CLIP's, then DINOv2's, in the order of the head's levels.
        whole: D, CLIP's own embedding of the photo.
    """

    levels: tuple[Tensor, ...]
    whole: Tensor


class ResidualHead(nn.Module):
    """F_p = Σ_l a_l LLN_l(C_l,p) + Σ_l b_l LLN'_l(D_l,p) + g LLN''(photo), pooled under the masks
    by area, then linear: h; and W_r h, what is added.

    LLN is a linear layer and a layer norm, `scale` holds a, b and g.

    Args:
        shape: sizes of the inputs and outputs.
    """

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape
        sizes = [shape.clip_width] * len(shape.clip_levels)
        sizes += [shape.dino_width] * len(shape.dino_levels) + [shape.dimension]
        self.project = nn.ModuleList(nn.Linear(size, shape.width) for size in sizes)
        self.norm = nn.ModuleList(nn.LayerNorm(shape.width) for _ in sizes)
        self.scale = nn.Parameter(torch.ones(len(sizes)) / len(sizes) ** 0.5)
        self.embed = nn.Linear(shape.width, shape.width)
        self.residual = nn.Linear(shape.width, shape.dimension, bias=False)
        nn.init.zeros_(self.residual.weight)

    def forward(self, maps: LevelMaps, cover: Tensor) -> Tensor:
        """N×D: W_r h of N masks.

        Args:
            maps: feature maps of one photo.
            cover: N×P, how much of each patch each mask covers.
        """
        parts = [*maps.levels, maps.whole[None]]
        fused = torch.zeros((), device=cover.device)
        for part, project, norm, scale in zip(
            parts, self.project, self.norm, self.scale, strict=True
        ):
            fused = fused + scale * norm(project(part))
        shares = cover / cover.sum(dim=1, keepdim=True)
        added: Tensor = self.residual(self.embed(shares @ fused))
        return added

    def save(self, path: Path) -> None:
        """Write the weights (float32) and the shape to a safetensors file."""
        tensors = {key: value.contiguous() for key, value in self.state_dict().items()}
        save_file(tensors, path, metadata={"shape": json.dumps(asdict(self.shape))})

    @classmethod
    def load(cls, path: Path) -> ResidualHead:
        """The head in a safetensors file, ready to use.

        Raises:
            WeightsMismatch: the file holds none.
        """
        with network_file(
            path,
            "a head over frozen towers",
            "train one (segsearch train recipes/towers.toml), or name another file",
        ) as (metadata, tensors):
            told = _shape(json.loads(metadata["shape"]))
            head = fitting(lambda: cls(told), tensors)
            head.load_state_dict(tensors)
        return head.eval().requires_grad_(False)


def with_residual(start: Tensor, residual: Tensor) -> Tensor:
    """N×D rows in the direction of e0 + W_r h, not of length 1.

    Added before e0 is scaled to length 1: so that where W_r h is 0, scaling gives e0 bit for bit.

    Args:
        start: N×D in the direction of e0, of any length.
        residual: N×D, W_r h.
    """
    length: Tensor = torch.linalg.vector_norm(start, dim=1, keepdim=True)
    return start + length * residual


def spread_levels(depth: int, count: int) -> tuple[int, ...]:
    """Numbers (1 to `depth`) of `count` blocks, evenly spread, the last one included."""
    return tuple(sorted({round(depth * (i + 1) / count) for i in range(count)} - {0}))


def last_levels(depth: int, count: int) -> tuple[int, ...]:
    """Numbers (1 to `depth`) of the last `count` blocks."""
    return tuple(range(max(depth - count, 0) + 1, depth + 1))


def _shape(told: Mapping[str, Any]) -> HeadShape:
    read: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
    return HeadShape(**read)
