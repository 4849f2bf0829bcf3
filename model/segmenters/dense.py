"""The segmenter of the dense head: one forward pass, many proposals, the best distinct ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.encoders.efficientnet import EfficientNetTrunk
from model.images import Image
from model.segmenter import Segmenter
from model.segmenters.dense_head import HYPOTHESES, DenseProposals
from model.segmenters.dense_network import DenseNetwork
from model.segments import Segments

if TYPE_CHECKING:
    from model.segmenters.prompted import PromptableSegmenter

_DRAWN = 128  # proposals at a time


@dataclass(frozen=True)
class Selection:
    """How segments are chosen among a photo's proposals.

    Attributes:
        most: segments at most.
        overlap: of two segments whose IoU exceeds this, the better one is kept.
        smallest: least area of a segment, as a share of the photo.
        steadiness: exponent of a mask's stability in its rank.
    """

    most: int = 100
    overlap: float = 0.75
    smallest: float = 0.0008
    steadiness: float = 1.0


class DenseSegmenter(Segmenter):
    """Masks from the frozen trunk's features: no prompt, one pass.

    Args:
        weights: the trained neck and head, safetensors.
        trunk: weights of the image trunk; by default the installed package's.
        side: the working frame's longer side, pixels.
        selection: which proposals become segments.
        prompts: weights of nano's promptable network, for `prompted`; without them there is none.
    """

    def __init__(
        self,
        weights: Path,
        trunk: Path | None = None,
        side: int = 320,
        selection: Selection | None = None,
        prompts: Path | None = None,
    ) -> None:
        self._network = DenseNetwork.load(weights)
        self._trunk_weights = trunk
        self._prompts = prompts
        self._side = side
        self._selection = selection or Selection()

    @torch.inference_mode()
    def segment(self, image: Image) -> Segments:
        """Segments in a frame whose longer side is `side`, best first."""
        trunk = EfficientNetTrunk.shared(self._trunk_weights, self._network.side)
        (proposals,) = self._network([one[None] for one in trunk.features(image).pyramid])
        ratio = self._side / max(image.size)
        height, width = (max(round(length * ratio), 1) for length in image.size)
        return chosen_segments(proposals, (height, width), self._selection)

    def prompted(
        self,
        image: Image,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Segments:
        """The best mask that the promptable network draws at the point or in the box."""
        if self._prompts is None:
            return super().prompted(image, at=at, box=box)
        return self._promptable.segment(image, at=at, box=box)

    @cached_property
    def _promptable(self) -> PromptableSegmenter:
        from model.segmenters.prompted import PromptableSegmenter

        assert self._prompts is not None
        return PromptableSegmenter.load(self._prompts, self._trunk_weights)


def chosen_segments(
    proposals: DenseProposals, size: tuple[int, int], selection: Selection
) -> Segments:
    """The best distinct masks of a photo's proposals, in a frame of `size`."""
    cells, hypotheses, quality = _candidates(proposals)
    rough = proposals.reduced()
    drawn = [
        _Drawn.of(rough.masks(*some))
        for some in zip(*(torch.split(one, _DRAWN) for one in (cells, hypotheses)), strict=True)
    ]
    cover = torch.cat([some.cover for some in drawn])
    rank = quality * torch.cat([some.steadiness for some in drawn]).pow(selection.steadiness)
    rank = torch.where(cover.mean(dim=1) >= selection.smallest, rank, -1.0)
    kept = Distinct(selection.overlap)
    for part in torch.split(rank.argsort(descending=True, stable=True), _DRAWN):
        kept.offer(part, cover[part], rank[part])
        if len(kept) >= selection.most:
            break
    chosen, rank = kept.best(selection.most)
    if not len(chosen):
        return Segments.empty(size)
    fine = proposals.masks(cells[chosen], hypotheses[chosen])
    enlarged = functional.interpolate(fine[None], size, mode="bilinear", align_corners=False)[0]
    masks = enlarged > 0
    some = masks.flatten(1).any(dim=1)
    return Segments.from_masks(masks[some].numpy(), rank[some].clamp(0, 1).numpy())


def _candidates(proposals: DenseProposals) -> tuple[Tensor, Tensor, Tensor]:
    """Cells, hypotheses and expected IoU of the best cell of every 2×2 block, per hypothesis."""
    quality = torch.sigmoid(proposals.quality.float()).permute(2, 0, 1)
    best, index = functional.max_pool2d(quality, 2, ceil_mode=True, return_indices=True)
    hypotheses = torch.arange(HYPOTHESES)[:, None].expand(-1, best[0].numel())
    return index.flatten(), hypotheses.flatten(), best.flatten()


@dataclass(frozen=True, eq=False)
class _Drawn:
    """N masks, drawn at stride 8.

    Attributes:
        cover: N×cells float32, the share of each cell of 2×2 that lies inside.
        steadiness: N float32 in [0, 1]: IoU of the mask at a higher and at a lower threshold.
    """

    cover: Tensor
    steadiness: Tensor

    @classmethod
    def of(cls, logits: Tensor, margin: float = 1.0) -> _Drawn:
        """What is to be known of N×h×w logits; h and w are even."""
        inner, outer = ((logits > to).float().sum(dim=(1, 2)) for to in (margin, -margin))
        inside = (logits > 0).float()
        rows = inside[:, 0::2] + inside[:, 1::2]
        cover = (rows[:, :, 0::2] + rows[:, :, 1::2]).flatten(1) / 4
        return cls(cover, inner / outer.clamp(min=1))


class Distinct:
    """Masks of which no two overlap by more than `overlap`: greedy suppression, part by part.

    Args:
        overlap: IoU, in its form for shares (equal maps give 1).
    """

    def __init__(self, overlap: float) -> None:
        self._overlap = overlap
        self._cover: Tensor | None = None
        self._names: list[int] = []
        self._rank: list[float] = []

    def __len__(self) -> int:
        return len(self._names)

    def offer(self, names: Tensor, cover: Tensor, rank: Tensor) -> None:
        """Take those of N masks, in the order of their rank, that overlap none taken before.

        Args:
            names: N int64, whatever tells them apart.
            cover: N×cells, the share of each cell that the mask covers.
            rank: N; masks of negative rank are never taken.
        """
        free = rank >= 0
        if self._cover is not None:
            free &= ~_alike(cover, self._cover, self._overlap).any(dim=1)
        offered = torch.nonzero(free)[:, 0]
        offered = offered[rank[offered].argsort(descending=True, stable=True)]
        alike = _alike(cover[offered], cover[offered], self._overlap).numpy()
        taken: list[int] = []
        left = np.ones(len(offered), np.bool_)
        for place in range(len(offered)):
            if left[place]:
                taken.append(place)
                left &= ~alike[place]
        new = offered[taken]
        self._names += names[new].tolist()
        self._rank += rank[new].tolist()
        known = [] if self._cover is None else [self._cover]
        self._cover = torch.cat([*known, cover[new]])

    def best(self, most: int) -> tuple[Tensor, Tensor]:
        """Names and ranks of the best ones taken, best first."""
        rank = torch.tensor(self._rank)
        order = rank.argsort(descending=True, stable=True)[:most]
        return torch.tensor(self._names, dtype=torch.int64)[order], rank[order]


def _alike(one: Tensor, other: Tensor, overlap: float) -> Tensor:
    """N×M bool: which coverage maps overlap by more than `overlap`."""
    areas = one.square().sum(dim=1)[:, None] + other.square().sum(dim=1)[None]
    common = one @ other.T
    return common > overlap * (areas - common).clamp(min=1e-9)
