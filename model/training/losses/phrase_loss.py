"""The loss of phrases that are said of a photo, nobody knows of which of its masks."""

from __future__ import annotations

import torch
from torch import Tensor

from model.training.losses.contrastive import symmetric_loss


def smooth_maximum(values: Tensor, sharpness: float) -> Tensor:
    """Over the last dimension: logarithm of the mean exponential; the mean at 0, the maximum far
    from it."""
    count = values.shape[-1]
    summed = torch.logsumexp(sharpness * values, dim=-1)
    return (summed - torch.tensor(float(count)).log()) / sharpness


def phrase_loss(
    masks: Tensor, phrases: Tensor, positive: Tensor, log_scale: Tensor, sharpness: float
) -> Tensor:
    """Multiple-instance InfoNCE: a photo answers a phrase by the mask that answers it best.

    The score of a photo for a phrase is the smooth maximum of the cosines of its masks; phrases
    are told from each other by photos, and photos by phrases, as segments and texts are in
    `contrastive_loss`.

    Args:
        masks: N×M×D unit rows, M masks of each of N photos.
        phrases: T×D unit rows.
        positive: N×T bool, whether phrase t is said of photo n; each has one at least.
        log_scale: scalar, logarithm of the inverse temperature.
        sharpness: sharpness of the maximum; the larger, the more one mask is enough.

    Returns:
        Scalar.
    """
    with torch.autocast(masks.device.type, enabled=False):
        cosines = torch.einsum("nmd,td->ntm", masks.float(), phrases.float())
        logits = log_scale.float().exp() * smooth_maximum(cosines, sharpness)
        return symmetric_loss(logits, positive)
