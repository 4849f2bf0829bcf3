"""The choice among dense proposals: of thousands of masks, the best distinct ones.

A thing is proposed by many cells, and at several scales. Of proposals that mean the same thing one
is kept; how many meant it says how much there is to it, better than any proposal's own estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model.masks import rle
from model.masks.cleaning import without_specks
from model.masks.nms import coverage_iou, greedy_nms
from model.masks.segments import Segments
from model.segmenters.dense.drawing import AT_ONCE, Drawing, covered
from model.segmenters.dense.head import HYPOTHESES, DenseProposals

_AT_ONCE = 128  # masks that are compared
_EVEN_ODDS = 1.8  # rank at which the IoU with an outline is 0.5, fitted on held-back photos


@dataclass(frozen=True)
class Selection:
    """Settings by which segments are chosen among a photo's proposals.

    Attributes:
        most: segments at most.
        overlap: IoU above which the better of two segments is kept.
        smallest: least area of a segment, as a share of the photo.
        largest: the same, at most.
        specks: islands and holes below this share of their mask are mended.
        agreement: exponent in a mask's rank of what the proposals that mean it sum to.
        votes: number that each of these counts for.
        alike: two proposals mean the same if their IoU exceeds this.
        variety: share of its rank that a mask loses for being just like one already chosen; less,
            the less alike they are.
        small: share of the photo up to which a mask is small.
        added: small masks at most that are kept beside the `most`. Few proposals draw what is
            small, so it has few votes, and large masks come before it.
        pool: distinct masks that are judged, for each one that is wanted.
    """

    most: int = 100
    overlap: float = 0.75
    smallest: float = 0.0008
    largest: float = 1.0
    specks: float = 0.1
    agreement: float = 0.3
    votes: float = 1.0
    alike: float = 0.7
    variety: float = 0.6
    small: float = 0.01
    added: int = 20
    pool: int = 3


def chosen_segments(
    views: Sequence[DenseProposals], size: tuple[int, int], selection: Selection
) -> Segments:
    """The best distinct masks that are proposed in any of the views of a photo.

    Args:
        views: proposals for the whole photo, each at a scale of its own; the first view's grid is
            the one on which masks are compared.
        size: (height, width) of the frame that segments are drawn in.
        selection: settings of the choice.

    Returns:
        Segments, best first; their quality is the expected IoU with an outline that a person drew.
    """
    found = single_segments(views, size, selection)
    return Segments.from_counts(size, found.counts, found.quality)


def single_segments(
    views: Sequence[DenseProposals], size: tuple[int, int], selection: Selection
) -> Segments:
    """Segments as by `chosen_segments`, but without parents."""
    masks, quality = _chosen(views, size, selection)
    if not len(masks):
        return Segments.empty(size)
    masks = np.stack([without_specks(mask, selection.specks) for mask in masks])
    some = masks.any(axis=(1, 2))
    return Segments.unrelated(size, rle.encode(masks[some]), quality[some])


def rough_segments(
    views: Sequence[DenseProposals], size: tuple[int, int], selection: Selection
) -> Segments:
    """Segments as by `chosen_segments`, but with their specks, and without parents; quicker."""
    masks, quality = _chosen(views, size, selection)
    some = masks.any(axis=(1, 2))
    return Segments.unrelated(size, rle.encode(masks[some]), quality[some])


def _chosen(
    views: Sequence[DenseProposals], size: tuple[int, int], selection: Selection
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """N×height×width masks as they are drawn, best first, and their N expected IoUs."""
    candidates = Candidates.of(views)
    cover, steadiness = _drawn_small(views, candidates)
    rank = candidates.quality * steadiness
    area = cover.mean(dim=1)
    rank = torch.where((area >= selection.smallest) & (area <= selection.largest), rank, -1.0)
    kept = Distinct(selection.overlap)
    for part in torch.split(rank.argsort(descending=True, stable=True), _AT_ONCE):
        kept.offer(part, cover[part], rank[part])
        if len(kept) >= selection.pool * selection.most:
            break
    pool, rank = kept.best(selection.pool * selection.most)
    if not len(pool):
        return np.zeros((0, *size), np.bool_), np.zeros(0, np.float32)
    alike = coverage_iou(cover[pool], cover)
    support = (alike > selection.alike).float() @ candidates.quality
    rank *= (1 + selection.votes * support).pow(selection.agreement)
    small = (area[pool] <= selection.small).numpy()
    chosen = varied(
        rank.numpy(),
        alike[:, pool].numpy(),
        selection.most,
        selection.variety,
        small,
        selection.added,
    )
    masks = _drawn_in(size, views, candidates.some(pool[torch.from_numpy(chosen)]))
    return masks, (rank / (rank + _EVEN_ODDS)).numpy()[chosen]


@dataclass(frozen=True, eq=False)
class Candidates:
    """N proposals of some views.

    Attributes:
        view, cell, hypothesis: N int64: whose, and which of its.
        quality: N float32, the IoU that the network expects of it.
    """

    view: Tensor
    cell: Tensor
    hypothesis: Tensor
    quality: Tensor

    @classmethod
    def of(cls, views: Sequence[DenseProposals]) -> Candidates:
        """The best cell of every 2×2 block of each view, per hypothesis."""
        parts = []
        for number, proposals in enumerate(views):
            quality = torch.sigmoid(proposals.quality.float()).permute(2, 0, 1)
            best, index = functional.max_pool2d(quality, 2, ceil_mode=True, return_indices=True)
            hypothesis = torch.arange(HYPOTHESES)[:, None].expand(-1, best[0].numel())
            view = torch.full_like(index, number)
            parts.append((view.flatten(), index.flatten(), hypothesis.flatten(), best.flatten()))
        return cls(*(torch.cat(fields) for fields in zip(*parts, strict=True)))

    def __len__(self) -> int:
        return len(self.cell)

    def some(self, which: Tensor) -> Candidates:
        """Candidates of the numbers `which`, in that order."""
        return Candidates(
            self.view[which], self.cell[which], self.hypothesis[which], self.quality[which]
        )


def _drawn_small(views: Sequence[DenseProposals], candidates: Candidates) -> tuple[Tensor, Tensor]:
    """What is to be known of masks drawn at stride 8 of the first view.

    Returns:
        N×cells float32, the share of each cell of 2×2 that lies inside; and N float32 in [0, 1],
        the IoU of each mask at a higher and at a lower threshold.
    """
    height, width = (length // 2 for length in views[0].prototypes.shape[1:])
    cover = torch.empty(len(candidates), (height // 2) * (width // 2))
    steadiness = torch.empty(len(candidates))
    for number, proposals in enumerate(views):
        drawing = Drawing(proposals, (height, width))
        for some in torch.split(torch.nonzero(candidates.view == number)[:, 0], AT_ONCE):
            logits = drawing.logits(candidates.cell[some], candidates.hypothesis[some])
            cover[some], steadiness[some] = covered(logits)
    return cover, steadiness


def _drawn_in(
    size: tuple[int, int], views: Sequence[DenseProposals], chosen: Candidates
) -> NDArray[np.bool_]:
    """N×height×width masks."""
    masks = np.empty((len(chosen), *size), np.bool_)
    for number, proposals in enumerate(views):
        some = torch.nonzero(chosen.view == number)[:, 0]
        if len(some):
            fine = proposals.masks(chosen.cell[some], chosen.hypothesis[some])
            large = functional.interpolate(fine[None], size, mode="bilinear", align_corners=False)
            masks[some.numpy()] = large[0].numpy() > 0
    return masks


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
            free &= ~(coverage_iou(cover, self._cover) > self._overlap).any(dim=1)
        offered = torch.nonzero(free)[:, 0]
        alike = coverage_iou(cover[offered], cover[offered]) > self._overlap
        new = offered[torch.from_numpy(greedy_nms(alike.numpy(), rank[offered].numpy()))]
        self._names += names[new].tolist()
        self._rank += rank[new].tolist()
        known = [] if self._cover is None else [self._cover]
        self._cover = torch.cat([*known, cover[new]])

    def best(self, most: int) -> tuple[Tensor, Tensor]:
        """Names and ranks of the best ones taken, best first."""
        rank = torch.tensor(self._rank)
        order = rank.argsort(descending=True, stable=True)[:most]
        return torch.tensor(self._names, dtype=torch.int64)[order], rank[order]


def varied(
    rank: NDArray[np.float32],
    alike: NDArray[np.float32],
    most: int,
    variety: float,
    small: NDArray[np.bool_] | None = None,
    added: int = 0,
) -> NDArray[np.int64]:
    """Numbers of the masks that are chosen, best rank first.

    One after the other is chosen, the one whose rank is best, less the share of it that it loses
    for being like one before: soft suppression with a linear decay (Soft-NMS, Bodla et al. 2017),
    but by the one that it is most like.

    Args:
        rank: N, none negative.
        alike: N×N IoUs.
        most: masks at most.
        variety: the share lost at an IoU of 1.
        small: N, which of them may be chosen after the `most`; none by default.
        added: number of these at most.
    """
    likest = np.zeros(len(rank))
    free = np.ones(len(rank), np.bool_)
    chosen: list[int] = []
    for number in range(most + added):
        if number == most:
            free &= False if small is None else small
        if not free.any():
            break
        next_one = int(np.where(free, rank * (1 - variety * likest), -1).argmax())
        chosen.append(next_one)
        free[next_one] = False
        np.maximum(likest, alike[next_one], out=likest)
    order = np.argsort(-rank[chosen], kind="stable")
    return np.array(chosen, np.int64)[order]
