"""Settings of how referring expressions are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

Fill = Literal["mean", "released"]
Background = Literal["mean", "released", "blurred"]
Blurred = Literal["none", "global", "local", "both"]
Fusion = Literal["none", "local", "global", "both"]


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


@dataclass(frozen=True)
class GlobalLocalSettings:
    """Choices of how Global-Local CLIP looks at segments.

    Attributes:
        alpha: α, the share of the global feature: 0.95 on RefCOCO and RefCOCO+, 0.85 on RefCOCOg.
        last: number of the last blocks before which patches are masked, or views fed into each
            other.
        fill: colour behind a segment that is seen alone: the mean of CLIP's photos, or the
            constant that the released code adds.
        blurred: views whose background is the photo, blurred, in place of the photo itself
            (`global`) or of the fill (`local`).
        fusion: view that the other one is fed into, as HybridGL does; `local` is what its code does
            unless told otherwise. The global view's background is blurred then, the local one is
            not cropped, and there is no α.
        photos: photos of a search that are looked at, those that recall finds first.
    """

    alpha: float = 0.95
    last: int = 3
    fill: Fill = "mean"
    blurred: Blurred = "none"
    fusion: Fusion = "none"
    photos: int = 4


def global_local_settings(said: Mapping[str, Any]) -> GlobalLocalSettings | None:
    """Choices that a preset's section `referring` makes; None where it does not ask for them."""
    known = [field.name for field in fields(GlobalLocalSettings)]
    chosen = {name: said[name] for name in known if name in said}
    return GlobalLocalSettings(**chosen) if said.get("global_local") else None
