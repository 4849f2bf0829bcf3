"""Losses by which masks are learned: focal, dice, best of three, and the estimated IoU."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def focal_loss(logits: Tensor, targets: Tensor, gamma: float = 2.0) -> Tensor:
    """N means over the pixels of N×H×W: cross-entropy, less where the answer is already right.

    Targets are shares in [0, 1]: of a cell that an outline crosses, how much lies inside.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    missed = (torch.sigmoid(logits) - targets).abs()
    return (missed.pow(gamma) * entropy).mean(dim=(1, 2))


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """N numbers in [0, 1]: 1 less twice the common area over the sum of both areas, one more
    cell added to each so that tiny masks count less."""
    inside = torch.sigmoid(logits)
    common = (inside * targets).sum(dim=(1, 2))
    both = inside.sum(dim=(1, 2)) + targets.sum(dim=(1, 2))
    return 1 - (2 * common + 1) / (both + 1)


def overlaps(logits: Tensor, targets: Tensor) -> Tensor:
    """…×N×M IoU of …×N×H×W masks (logits above 0) with …×M×H×W masks (shares above one half)."""
    ours = (logits > 0).flatten(-2).to(targets.dtype)
    true = (targets > 0.5).flatten(-2).to(targets.dtype)
    common = ours @ true.mT
    either = ours.sum(-1)[..., :, None] + true.sum(-1)[..., None, :] - common
    return common / either.clamp(min=1)


def best_hypothesis(iou: Tensor) -> Tensor:
    """N int64: which of N×3 hypotheses fits its target best; only that one learns the target."""
    return iou.argmax(dim=1)


def iou_loss(estimates: Tensor, iou: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of estimated IoUs (logits) with true ones, mean over those that are known.

    Where annotations are not exhaustive, a mask that fits none of them may still be right: such
    ones are not known, and count nothing.
    """
    entropy = functional.binary_cross_entropy_with_logits(estimates, iou, reduction="none")
    return (entropy * known).sum() / known.sum().clamp(min=1)
