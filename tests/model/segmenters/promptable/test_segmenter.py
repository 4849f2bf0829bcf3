import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from model.encoders.efficientnet import EfficientNetTrunk
from model.masks import rle
from model.photos.images import Image
from model.presets.preset import FOLDER, load_preset
from model.segmenters.classical.colour_regions import ColourRegionSegmenter
from model.segmenters.dense.segmenter import DenseSegmenter
from model.segmenters.promptable.network import PromptedSam, PromptedShape
from model.segmenters.promptable.segmenter import PromptableSegmenter

SHAPE = PromptedShape(
    width=32, heads=2, mlp=32, quality=16, neck=16, neck_fine=16, blocks=(1, 1, 1), mask_channels=4
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = PromptedSam(EfficientNetTrunk.shared(), SHAPE, 96)
    with torch.no_grad():  # masks of random weights that cover something
        network.mask_decoder.output_hypernetworks_mlps[0].layers[-1].bias.fill_(0.5)
    path = tmp_path_factory.mktemp("weights") / "prompts.safetensors"
    network.save(path)
    return path


@pytest.fixture(scope="module")
def segmenter(weights: Path) -> PromptableSegmenter:
    return PromptableSegmenter.load(weights)


@pytest.fixture(scope="module")
def image() -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 96, 3)).astype(np.uint8)
    return Image(pixels, (600, 960))


def test_a_point_has_three_masks_the_surest_first(
    segmenter: PromptableSegmenter, image: Image
) -> None:
    drawn = segmenter.look(image).masks(points=np.array([[480, 300]]))
    assert (drawn.masks.shape, drawn.logits.shape) == ((3, 60, 96), (3, 24, 24))
    assert (np.diff(drawn.quality) <= 0).all()


def test_places_are_those_of_the_photo_at_full_size(
    segmenter: PromptableSegmenter, image: Image
) -> None:
    predictor = SamPredictor(segmenter.sam)
    predictor.set_image(image.pixels)
    expected, quality, logits = predictor.predict(
        np.array([[20.0, 30.0], [70.0, 5.0]]),
        np.array([1, 0]),
        box=np.array([10.0, 12.0, 50.0, 48.0]),
        multimask_output=False,
    )
    drawn = segmenter.look(image).masks(
        points=np.array([[200, 300], [700, 50]]),
        inside=np.array([True, False]),
        box=np.array([100, 120, 500, 480]),
    )
    np.testing.assert_array_equal(drawn.masks, expected)
    np.testing.assert_array_equal(drawn.quality, quality)
    np.testing.assert_array_equal(drawn.logits, logits)


def test_a_mask_is_mended_by_what_came_before(segmenter: PromptableSegmenter, image: Image) -> None:
    look = segmenter.look(image)
    first = look.masks(points=np.array([[480, 300]]))
    again = look.masks(points=np.array([[480, 300], [10, 10]]), previous=first.logits[0])
    alone = look.masks(points=np.array([[480, 300], [10, 10]]))
    assert len(again.masks) == 1
    assert not np.allclose(again.logits, alone.logits)


def test_something_must_be_asked(segmenter: PromptableSegmenter, image: Image) -> None:
    with pytest.raises(ValueError, match="no point"):
        segmenter.look(image).masks()


def test_a_box_is_one_segment_in_the_frame_of_the_image(
    segmenter: PromptableSegmenter, image: Image
) -> None:
    found = segmenter.segment(image, box=(100, 120, 400, 360))
    drawn = segmenter.look(image).masks(box=np.array([100, 120, 500, 480]))
    assert (len(found), found.size) == (1, (60, 96))
    np.testing.assert_array_equal(found.masks(), drawn.masks)
    assert 0 <= found.quality[0] <= 1


def test_boxes_are_answered_together_as_one_by_one(weights: Path, image: Image) -> None:
    dense = DenseSegmenter(FOLDER / "nano" / "masks.safetensors", prompts=weights)
    random = np.random.default_rng(0).random((18, 4))  # more than are asked at a time
    boxes = [(x, y, w, h) for x, y, w, h in random * [500, 200, 400, 300] + 20]
    found = dense.prompted_boxes(image, boxes)
    assert len(found) == len(boxes)
    for one, box in zip(found, boxes, strict=True):
        expected = dense.prompted(image, box=box)
        assert (len(one), one.size) == (len(expected), expected.size) == (1, (60, 96))
        assert rle.iou(one.counts, expected.counts, one.size) > 0.998
        np.testing.assert_allclose(one.quality, expected.quality, atol=1e-4)
    assert dense.prompted_boxes(image, []) == []


def test_a_segmenter_that_cannot_be_asked_has_nothing_to_say(image: Image) -> None:
    boxes = [(1, 2, 30, 40), (5, 5, 50, 50)]
    assert [len(one) for one in ColourRegionSegmenter().prompted_boxes(image, boxes)] == [0, 0]
    assert len(ColourRegionSegmenter().prompted(image, at=(5, 5))) == 0
    dense = DenseSegmenter(FOLDER / "nano" / "masks.safetensors")
    assert len(dense.prompted(image, at=(5, 5))) == 0


def test_a_preset_may_name_the_weights_of_prompts(
    weights: Path, image: Image, tmp_path: Path
) -> None:
    text = (FOLDER / "nano.toml").read_text(encoding="utf-8").split("[weights.prompts]")[0]
    text = text.replace('file = "nano/', f'file = "{FOLDER}/nano/')
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    path = tmp_path / "asked.toml"
    path.write_text(
        f'{text}\n[weights.prompts]\nfile = "{weights}"\nsha256 = "{digest}"\nlicence = "none"\n'
    )
    preset = load_preset(str(path))
    assert preset.fingerprint == load_preset("nano").fingerprint  # no vector depends on it
    found = preset.build_segmenter().prompted(image, box=(100, 120, 400, 360))
    expected = PromptableSegmenter.load(weights).segment(image, box=(100, 120, 400, 360))
    assert found.counts == expected.counts
