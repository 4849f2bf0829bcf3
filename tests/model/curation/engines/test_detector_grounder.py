"""Boxes of phrases, as a detector finds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.curation.engines.detector_grounder import DetectorGrounder
from model.curation.records import Caption, Phrase
from model.detectors.detector import Detections, Detector
from model.photos.images import Image

CAPTION = Caption("A cat on a red car.", "scene", "toy")
PHOTO = Image(np.zeros((4, 8, 3), np.uint8), (40, 80))


class LengthDetector(Detector):
    """Sees a text with an even number of letters in both halves of any photo, others nowhere."""

    name = "length"
    fingerprint = "8c"

    def detect(self, image: Image, texts: Sequence[str]) -> list[Detections]:
        halves = np.array([[0.5, 0, 1, 1], [0, 0, 0.5, 1]], np.float32)
        found = Detections(halves, np.array([0.75, 0.5], np.float32))
        return [Detections.none() if len(text) % 2 else found for text in texts]


def phrase(text: str, head: str) -> Phrase:
    return Phrase(text, head, (0, len(text)), "", CAPTION)


def test_each_phrase_has_the_boxes_of_its_head() -> None:
    cats = [phrase("a cat on a car", "cats"), phrase("cats", "cats"), phrase("car", "car")]
    grounder = DetectorGrounder(LengthDetector())
    found = grounder.boxes(PHOTO, cats)
    assert [box.phrase for box in found] == [cats[0]] * 2 + [cats[1]] * 2
    assert [box.score for box in found] == [0.75, 0.5] * 2
    assert found[0].xyxy == (0.5, 0.0, 1.0, 1.0)
    assert {(box.texts, box.engine) for box in found} == {(("cats",), "length")}
    assert (grounder.name, grounder.fingerprint) == ("length", "8c")
    assert grounder.boxes(PHOTO, []) == ()
