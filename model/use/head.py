"""The trained part of USE: level fusion (LLN with scales) and the segment head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from model.errors import WeightsMismatch, shown


class SegmentHead(nn.Module):
    """Pooled features of all levels, and the photo's global feature, to unit vectors.

    Each level passes a linear layer and a layer norm and is added with a learned scale; so is the
    global feature, the photo's mean over the last level. Pooling came first: the masks are applied
    to the trunk's maps, and the fusion to one vector a segment.

    Args:
        levels: channels of the pooled levels, side by side in the input.
        width: of the fused feature.
        dimension: of the embedding space.
        dropout: share of fused features dropped in training.
    """

    def __init__(
        self, levels: Sequence[int], width: int, dimension: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.width = width
        self.dimension = dimension
        sizes = [*self.levels, self.levels[-1]]
        self.project = nn.ModuleList(nn.Linear(channels, width) for channels in sizes)
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in sizes)
        self.scale = nn.Parameter(torch.ones(len(sizes)) / len(sizes) ** 0.5)
        self.drop = nn.Dropout(dropout)
        self.widen = nn.Linear(width, 2 * width)
        self.embed = nn.Linear(2 * width, dimension)

    def forward(self, pooled: Tensor, whole: Tensor) -> Tensor:
        """N×dimension unit rows.

        Args:
            pooled: N×sum(levels) pooled features.
            whole: N×levels[-1] or 1×levels[-1], the last level's mean over each segment's photo.
        """
        parts = [*torch.split(pooled, list(self.levels), dim=1), whole]
        fused = torch.zeros((), dtype=pooled.dtype)
        for part, project, norm, scale in zip(
            parts, self.project, self.norm, self.scale, strict=True
        ):
            fused = fused + scale * norm(project(part))
        hidden = functional.gelu(self.widen(self.drop(fused)))
        return functional.normalize(self.embed(self.drop(hidden)), dim=1)

    def save(self, path: Path) -> None:
        """Write the weights (float16) and the shape to a safetensors file."""
        shape = {
            "levels": ",".join(map(str, self.levels)),
            "width": str(self.width),
            "dimension": str(self.dimension),
        }
        tensors = {key: value.half().contiguous() for key, value in self.state_dict().items()}
        save_file(tensors, path, metadata=shape)

    @classmethod
    def load(cls, path: Path) -> SegmentHead:
        """The head in a safetensors file, in float32, ready to use.

        Raises:
            WeightsMismatch: the file holds no segment head.
        """
        try:
            with safe_open(path, framework="pt") as file:
                shape = file.metadata() or {}
                tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
            head = cls(
                [int(channels) for channels in shape["levels"].split(",")],
                int(shape["width"]),
                int(shape["dimension"]),
            )
            head.load_state_dict(tensors)
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise WeightsMismatch(
                f"{shown(path)} does not hold the weights of a segment head",
                "reinstall segsearch, or train the head again (python -m model.training)",
            ) from error
        return head.eval().requires_grad_(False)
