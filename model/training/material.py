"""All that a head and a calibration are fitted to and measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.training.examples import global_features
from model.training.features import FeatureTable
from model.training.head_training import embedded
from model.training.pairs import AnnotatedPhoto
from model.use.head import SegmentHead

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Material:
    """All that is measured on: photos, their features, and the encoder of words."""

    photos: Sequence[AnnotatedPhoto]
    annotated: FeatureTable
    proposals: FeatureTable
    encode: Encode

    def proposal_vectors(self, head: SegmentHead) -> NDArray[np.float32]:
        """M×D unit vectors of all proposals."""
        whole = global_features(self.annotated, len(self.photos))
        return embedded(head, self.proposals.rows, whole[self.proposals.photo])
