import numpy as np

from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.referring.parse import parse
from model.referring.referrer import Referrer

# a red square on the left, another on the right, a blue one below
BOXES = {"red": [(5, 20, 25, 40), (60, 20, 80, 40)], "blue": [(58, 60, 82, 80)]}


def scene() -> tuple[Image, Segments]:
    pixels = np.full((100, 100, 3), 128, np.uint8)
    masks = []
    for colour, boxes in BOXES.items():
        for x0, y0, x1, y1 in boxes:
            pixels[y0:y1, x0:x1] = (225, 20, 20) if colour == "red" else (25, 50, 215)
            mask = np.zeros((100, 100), np.bool_)
            mask[y0:y1, x0:x1] = True
            masks.append(mask)
    return Image(pixels, (100, 100)), Segments.from_masks(np.stack(masks))


def test_expressions_are_resolved_with_a_presets_own_vectors() -> None:
    referrer = Referrer(load_preset("colours").build_embedder())
    image, segments = scene()
    for text, meant in (
        ("red square on the left", 0),
        ("the rightmost red square", 1),
        ("red square next to the blue square", 1),
        ("the second red square from the right", 0),
        ("blue square", 2),
    ):
        ranked = referrer.resolve(image, segments, parse(text))
        assert ranked.order[0] == meant
        assert sorted(ranked.order) == [0, 1, 2]
        assert ranked.scores.stages.shape == (3, 6)


def test_no_segments_are_no_answer() -> None:
    referrer = Referrer(load_preset("colours").build_embedder())
    image, _ = scene()
    none = referrer.resolve(image, Segments.empty((100, 100)), parse("the leftmost red square"))
    assert none.order.shape == (0,)
