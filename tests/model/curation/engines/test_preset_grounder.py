"""A preset's own segments as boxes: right ones, ranked as a naive loop ranks them."""

import numpy as np
import pytest

from model.curation.engines.preset_grounder import OVERLAP, QUALITY, PresetGrounder, ranks
from model.curation.records import Caption, Phrase
from model.photos.images import Image
from model.presets.preset import load_preset

CAPTION = Caption("red and blue", "scene", "x")


def phrase(text: str) -> Phrase:
    return Phrase(text, text, (0, len(text)), "", CAPTION)


def painted() -> Image:
    pixels = np.full((60, 80, 3), 255, np.uint8)
    pixels[5:25, 5:35] = (200, 20, 20)
    pixels[30:50, 40:70] = (20, 20, 200)
    return Image(pixels, (120, 160))  # reduced by two: boxes are shares


@pytest.fixture(scope="module")
def grounder() -> PresetGrounder:
    models = load_preset("colours").build()
    return PresetGrounder(models.segmenter, models.embedder, "colours", "abc")


def test_each_phrase_finds_its_own_box(grounder: PresetGrounder) -> None:
    boxes = grounder.boxes(painted(), [phrase("blue"), phrase("red")])
    assert [box.phrase.head for box in boxes] == ["blue", "red"]
    assert boxes[0].xyxy == pytest.approx((0.5, 0.5, 0.875, 50 / 60), abs=0.02)
    assert boxes[1].xyxy == pytest.approx((5 / 80, 5 / 60, 35 / 80, 25 / 60), abs=0.02)
    assert all(0.25 <= box.score <= 1 for box in boxes)
    assert {box.engine for box in boxes} == {"colours"}
    assert boxes[0].texts == ("blue",)


def test_nothing_is_found_of_nothing_and_in_nothing(grounder: PresetGrounder) -> None:
    assert grounder.boxes(painted(), []) == ()
    assert grounder.boxes(painted(), [phrase("green")]) == ()


def test_ranks_equal_a_naive_loop() -> None:
    chance = np.random.default_rng(0)
    cosines = chance.uniform(-0.2, 0.6, (3, 7)).astype(np.float32)
    quality = chance.uniform(0, 1, 7).astype(np.float32)
    iou = chance.uniform(0, 1, (7, 7))
    iou = (iou + iou.T) / 2
    found = ranks(cosines, quality, iou)
    for p in range(3):
        above = [max(c - cosines[p].mean(), 0) for c in cosines[p]]
        for n in range(7):
            overlap = sum(a * iou[m, n] for m, a in enumerate(above)) / sum(above)
            expected = cosines[p, n] + QUALITY * quality[n] + OVERLAP * overlap
            assert found[p, n] == pytest.approx(expected, abs=1e-5)


def test_the_fingerprint_tells_settings_apart() -> None:
    models = load_preset("colours").build()
    told = {
        PresetGrounder(models.segmenter, models.embedder, "colours", *rest).fingerprint
        for rest in (("abc",), ("abd",), ("abc", 0.3), ("abc", 0.25, 3))
    }
    assert len(told) == 4


def test_a_phrase_in_the_singular_has_one_box_in_the_plural_several() -> None:
    pixels = np.full((60, 80, 3), 255, np.uint8)
    pixels[5:25, 5:25] = pixels[35:55, 50:70] = (200, 20, 20)
    image = Image(pixels, (60, 80))
    models = load_preset("colours").build()
    grounder = PresetGrounder(models.segmenter, models.embedder, "colours", "abc")
    counts = [len(grounder.boxes(image, [phrase(text)])) for text in ("red square", "red squares")]
    assert counts == [1, 2]
