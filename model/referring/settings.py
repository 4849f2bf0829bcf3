"""Settings of how referring expressions are resolved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReferringSettings:
    """Numbers that weigh what an expression says; chosen on photos held out of training.

    Attributes:
        sharpness: logit of a cosine of 1; weights are exp(sharpness · (s − max s)), as HybridGL's.
        kept: least weight of what may be the thing that is named.
        duplicates: IoU from which of two masks only the better one is counted.
        phrase: share of the target phrase in recall's score; the rest is the whole sentence's
            (Global-Local CLIP: 0.5).
        place, superlative, ordinal, relation, negated: λ, how much each stage's logits count
            beside recall's.
    """

    sharpness: float = 20.0
    kept: float = 0.3
    duplicates: float = 0.5
    phrase: float = 0.5
    place: float = 1.0
    superlative: float = 1.0
    ordinal: float = 1.0
    relation: float = 2.0
    negated: float = 1.0
