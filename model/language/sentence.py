"""Sentence: a caption of a whole photo, and the things that it names.

A sentence says more than any segment shows, and more than one vector of a photo keeps: its photo
is that which it fits as a whole and in which everything that it names is found.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.language.noun_phrases import noun_phrases
from model.language.question import SENTENCE

Floats = NDArray[np.floating]

PHRASES = 0.7
"""Weight of what a sentence names against the sentence; chosen on photos held out of training."""


def phrases_of(text: str) -> tuple[str, ...]:
    """Things that a sentence names, at least two; of what is no sentence none."""
    if len(text.split()) <= SENTENCE:
        return ()
    found = noun_phrases(text)
    return found if len(found) > 1 else ()


def sentence_scores(whole: Floats, best: Floats) -> NDArray[np.float32]:
    """Scores of n photos, in the unit of cosines.

    Args:
        whole: n cosines of the sentence with the photos as wholes.
        best: P×n cosines of each phrase with each photo's segment that fits it best.
    """
    scores = (whole + PHRASES * best.mean(axis=0)) / (1 + PHRASES)
    return np.asarray(scores, np.float32)
