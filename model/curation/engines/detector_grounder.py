"""Grounder that asks a detector: Grounding DINO, OWLv2, OmDet-Turbo, SAM 3."""

from __future__ import annotations

from collections.abc import Sequence

from model.curation.grounder import Grounder
from model.curation.records import Box, Phrase
from model.detectors.detector import Detector
from model.photos.images import Image


class DetectorGrounder(Grounder):
    """Boxes of phrases' heads, as a detector finds them.

    Args:
        detector: detector; heads that several phrases share are looked for once.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name = detector.name

    @property
    def fingerprint(self) -> str:
        """The detector's fingerprint."""
        return self._detector.fingerprint

    def boxes(self, image: Image, phrases: Sequence[Phrase]) -> tuple[Box, ...]:
        """Boxes of each phrase's head, the surest first; phrase by phrase."""
        found = self._detector.detect(image, [phrase.head for phrase in phrases])
        return tuple(
            Box((x0, y0, x1, y1), phrase, score, self.name, (phrase.head,))
            for phrase, seen in zip(phrases, found, strict=True)
            for (x0, y0, x1, y1), score in zip(
                seen.boxes.tolist(), seen.scores.tolist(), strict=True
            )
        )
