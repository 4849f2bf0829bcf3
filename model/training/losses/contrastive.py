"""The contrastive loss between segments and texts."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn


def contrastive_loss(
    segments: Tensor,
    texts: Tensor,
    positive: Tensor,
    log_scale: Tensor,
    others: Tensor | None = None,
) -> Tensor:
    """Symmetric InfoNCE in which a segment may have several true texts, and a text segments.

    Each direction is the cross-entropy between the softmax of the scaled cosines and the even
    distribution over the positives.

    Args:
        segments: B×D unit rows.
        texts: B×D unit rows; row i is the text drawn for segment i.
        positive: B×B bool, whether text j is true of segment i; the diagonal is.
        log_scale: scalar, logarithm of the inverse temperature.
        others: L×D unit rows of segments that show none of the texts: each text is told from
            them too.

    Returns:
        Scalar.
    """
    with torch.autocast(segments.device.type, enabled=False):  # logits up to 100 need their digits
        scaled = log_scale.float().exp() * texts.float().T
        rivals = None if others is None else others.float() @ scaled
        return symmetric_loss(segments.float() @ scaled, positive, rivals)


def symmetric_loss(logits: Tensor, positive: Tensor, rivals: Tensor | None = None) -> Tensor:
    """The mean of both directions' cross-entropies.

    Args:
        logits: R×C.
        positive: R×C bool; each row and each column has one at least.
        rivals: L×C, of rows that no column is right for.
    """
    target = positive.to(logits.dtype)
    right_columns = target / target.sum(dim=1, keepdim=True)
    right_rows = target / target.sum(dim=0, keepdim=True)
    by_row = -(right_columns * logits.log_softmax(dim=1)).sum(dim=1)
    told_from = logits if rivals is None else torch.cat([logits, rivals])
    by_column = -(right_rows * told_from.log_softmax(dim=0)[: len(logits)]).sum(dim=0)
    return (by_row.mean() + by_column.mean()) / 2


LARGEST = 4.6
"""Logarithm of the largest scale, about 100, as CLIP's."""


class Temperature(nn.Module):
    """The learned scale of the cosines, as its logarithm, kept below 100.

    At the bound it is learned on: a gradient that would lower it passes, one that would raise it
    further does not.
    """

    def __init__(self, start: float = 0.07) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / start).log())

    def forward(self) -> Tensor:
        """The logarithm of the scale."""
        scale = self.log_scale
        above = scale.detach() > LARGEST
        held = torch.where(above, LARGEST + (scale - scale.detach()), scale)
        if held.requires_grad:
            held.register_hook(partial(_lowering, above))  # type: ignore[no-untyped-call]
        return held


def _lowering(above: Tensor, slope: Tensor | None) -> Tensor | None:
    """The gradient where the loss, descending against it, lowers what is above its bound; there is
    none where a process did not use the scale."""
    return None if slope is None else slope.masked_fill(above & (slope < 0), 0)
