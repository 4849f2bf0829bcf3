"""The contrastive loss between segments and texts."""

from __future__ import annotations

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
        logits = segments.float() @ scaled
        rivals = logits if others is None else torch.cat([logits, others.float() @ scaled])
        target = positive.to(logits.dtype)
        right_texts = target / target.sum(dim=1, keepdim=True)
        right_segments = target / target.sum(dim=0, keepdim=True)
        by_segment = -(right_texts * logits.log_softmax(dim=1)).sum(dim=1)
        by_text = -(right_segments * rivals.log_softmax(dim=0)[: len(logits)]).sum(dim=0)
        return (by_segment.mean() + by_text.mean()) / 2


def same_text(numbers: Tensor) -> Tensor:
    """B×B bool: which of the texts drawn for B segments (their numbers) are the same text."""
    return numbers[:, None] == numbers[None, :]


class Temperature(nn.Module):
    """The learned scale of the cosines, as its logarithm, kept below 100."""

    def __init__(self, start: float = 0.07) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / start).log())

    def forward(self) -> Tensor:
        """The logarithm of the scale."""
        return self.log_scale.clamp(max=4.6)
