"""Confidence of proposals: what they say of themselves, and what the index says of their photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def proposal_confidence(own: Floats, recalled: float) -> Floats:
    """Confidences of proposals, no greater than their own.

    Whether a photo shows a thing its index knows nearly as well as its proposals, which are many
    and so more often sure by chance: where the index is less sure, it is the geometric mean of
    both. Of words that 39 photos held out of training do not show, one proposal of a hundred is
    then confident alone, without it four (docs/nano-tried.md).

    Args:
        own: N confidences by calibration, in [0, 1].
        recalled: confidence of the photo's best segment in the index.
    """
    return np.asarray(np.minimum(own, np.sqrt(own * np.float32(max(recalled, 0.0)))), np.float32)
