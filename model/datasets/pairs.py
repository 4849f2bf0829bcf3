"""Training pairs: what of a photo is called what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PHOTO_KIND = "photo"
BOX_KIND = "box"
CROWD_KIND = "crowd"


@dataclass(frozen=True)
class TrainingPair:
    """A segment and the texts that are true of it.

    What of a photo no pair names may be there all the same: the absence of a pair says nothing.

    Attributes:
        photo: the image file.
        size: (height, width) of the frame that the run lengths are in, pixels.
        counts: COCO compressed run lengths; of a `box`, its rectangle; of a whole photo,
            everything.
        texts: English, the most specific first; never empty.
        kind: `object`, `part`, `stuff`, `crowd` (several objects in one mask), `box` (no mask is
            known) or `photo` (a caption of all of it).
        sources: names of the data sets and models that say so.
        score: certainty of the sources, in [0, 1].
    """

    photo: Path
    size: tuple[int, int]
    counts: bytes
    texts: tuple[str, ...]
    kind: str
    sources: tuple[str, ...] = ()
    score: float = 1.0
