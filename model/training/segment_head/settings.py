"""Settings of a segment head in a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.datasets.source import PairSource
from model.encoders.efficientnet import require_sides


@dataclass(frozen=True)
class PhraseSettings:
    """Settings for noun phrases of captions: each is shown by some mask of its photo, nobody
    knows which. The masks are those of the segmenter that the task names as `proposals`.

    Attributes:
        weight: factor of this loss, against that of the segments; 0: it is left out.
        photos: number of photos in a batch, with one phrase each.
        masks: number of masks of each photo in a batch.
        sharpness: sharpness of the maximum over a photo's masks, see `losses.phrase_loss`.
        sources: names of the sources with captions to use; none: all.
        views: longer sides at which the segmenter looks at these photos, pixels; none: as its
            preset says.
    """

    weight: float = 0.0
    photos: int = 32
    masks: int = 12
    sharpness: float = 20.0
    sources: tuple[str, ...] = ()
    views: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("photos", "masks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")
        if not 0 < self.sharpness < float("inf"):
            raise ValueError(f"sharpness is {self.sharpness}, expected a positive number")


@dataclass(frozen=True)
class HeadSettings:
    """A recipe's section [task] for a segment head.

    Attributes:
        train: sources of the pairs to learn from.
        val: sources of the pairs to measure on.
        views: longer sides at which the trunk looks at a photo, pixels: every example is of one of
            them by chance, and what is measured is the mean of all, as an embedder's.
        width: width of the fused feature.
        dropout: share of features dropped.
        members: number of heads that learn side by side, whose mean is the vector; they share the
            side of texts.
        balance: weight of rare phrases in the draw; 0: none, 1: as often as all others.
        captions: frequency of texts of whole photos, against those of segments.
        together: segments of each photo in a batch: so a segment's text is told from those of its
            neighbours.
        proposals: the preset whose segmenter's masks are learned from too: those that fit a
            segment by IoU ≥ 0.5 carry its texts, those that only overlap some show none; "": none.
        proposed: share of the photos that this segmenter looks at; it takes the longest by far.
        own: probability that a segment is seen through such a mask that fits it, where there is
            one.
        loose: masks in a batch that fit nothing, for each segment.
        doubt: distance that masks are drawn away from what all texts of segments have in common,
            as far as they are not thought to fit; set after training.
        phrases: settings for the noun phrases of captions.
        unseen: phrases that no text of training may name; the classes of the trunk that are
            called so lose the name.
    """

    train: tuple[PairSource, ...]
    val: tuple[PairSource, ...]
    views: tuple[int, ...] = (448,)
    width: int = 512
    dropout: float = 0.2
    members: int = 1
    balance: float = 0.5
    captions: float = 0.3
    together: int = 4
    proposals: str = ""
    proposed: float = 1.0
    own: float = 0.5
    loose: float = 0.5
    doubt: float = 0.0
    phrases: PhraseSettings = field(default_factory=PhraseSettings)
    unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_sides("views", *self.views)
        if self.members < 1:
            raise ValueError(f"members is {self.members}, expected at least 1")
        if self.phrases.weight and not self.proposals:
            raise ValueError("phrases need proposals, a preset whose masks they are learned from")
