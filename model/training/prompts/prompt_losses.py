"""Losses of masks that prompts ask for: the single one and three hypotheses (SAM, appendix A)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from model.training.losses.mask_losses import dice_loss, focal_loss, overlaps


def prompt_terms(logits: Tensor, estimates: Tensor, cover: Tensor, exhaustive: Tensor) -> Tensor:
    """Focal, dice, error of the estimated IoU, and the IoU reached: 4 float32.

    The single mask learns the region, and so does the best of the three. An estimate learns the
    IoU with whichever region of the photo the mask fits best; a mask that fits none may be right
    all the same, where not everything was outlined, and then counts only if it was to fit.

    Args:
        logits: B×P×4×H×W.
        estimates: B×P×4.
        cover: B×P×H×W.
        exhaustive: B bool.
    """
    with torch.no_grad():
        photos, regions = cover.shape[:2]
        every = overlaps(logits.flatten(1, 2), cover).view(photos, regions, -1, regions)
        own = every.diagonal(dim1=1, dim2=3).transpose(1, 2)
        best = own[:, :, 1:].argmax(dim=2, keepdim=True) + 1
        reached = every.amax(dim=3)
        known = (reached > 0.5) | exhaustive[:, None, None]
        known = known.scatter(2, best, True)
        known[:, :, 0] = True
    learners = torch.cat([torch.zeros_like(best), best], dim=2)
    learned = logits.take_along_dim(learners[..., None, None], dim=2).flatten(0, 2)
    wanted = cover[:, :, None].expand(-1, -1, 2, -1, -1).flatten(0, 2)
    error = functional.mse_loss(estimates, reached, reduction="none")
    return torch.stack(
        [
            focal_loss(learned, wanted).mean(),
            dice_loss(learned, wanted).mean(),
            error[known].mean(),
            own.take_along_dim(best, dim=2).mean(),
        ]
    )


def overlap(logits: Tensor, cover: Tensor) -> Tensor:
    """B×P×M IoU of B×P×M×H×W masks with their own region of B×P×H×W."""
    inside, true = logits > 0, (cover > 0.5)[:, :, None]
    common = (inside & true).sum(dim=(3, 4))
    return common / (inside | true).sum(dim=(3, 4)).clamp(min=1)
