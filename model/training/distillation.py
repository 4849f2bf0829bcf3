"""The loss of a pupil that is to give a teacher's vectors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def distillation_loss(
    pupil: Tensor, teacher: Tensor, cosine: float = 1.0, squared: float = 1.0
) -> Tensor:
    """Weighted sum of one less the cosine, and of the mean squared difference of the elements.

    The cosine tells the direction, which is what is searched by; the difference tells the length
    too, for features that are not unit rows.

    Args:
        pupil: B×D.
        teacher: B×D; no gradient flows into it.
        cosine: weight of the first term.
        squared: weight of the second.

    Returns:
        Scalar, the mean over the rows.
    """
    with torch.autocast(pupil.device.type, enabled=False):
        given, wanted = pupil.float(), teacher.detach().float()
        turned = 1 - functional.cosine_similarity(given, wanted, dim=1)
        apart = (given - wanted).square().mean(dim=1)
        return (cosine * turned + squared * apart).mean()
