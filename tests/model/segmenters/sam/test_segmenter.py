"""Points and boxes, as segment-anything's own predictor answers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from safetensors.torch import save_file
from segment_anything import SamPredictor
from segment_anything.modeling import Sam
from toy_sam import PHOTO, drawing_sam

from model.masks import rle
from model.photos.images import Image
from model.segmenters.promptable.segmenter import PromptableSegmenter
from model.segmenters.sam.networks.folded_sam import FoldedSam
from model.segmenters.sam.promptable import Prompts
from model.segmenters.sam.segmenter import PointGridSegmenter, SamSegmenter

POINTS = np.array([[70.0, 40.0], [20.0, 80.0], [110.0, 10.0]])
INSIDE = np.array([True, False, True])
BOX = np.array([30.0, 12.0, 90.0, 70.0])

ASKED: dict[str, dict[str, Any]] = {
    "a point": {"points": POINTS[:1], "inside": INSIDE[:1]},
    "points": {"points": POINTS, "inside": INSIDE},
    "a box": {"box": BOX},
    "both": {"points": POINTS, "inside": INSIDE, "box": BOX},
}
QUESTIONS = pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
MASKS = pytest.mark.parametrize("several", [True, False])


def wide(sam: Sam, dtype: torch.dtype) -> Sam:
    """The network in that precision, but for its prompts, which are float32 in any."""
    sam.image_encoder.to(dtype)
    sam.mask_decoder.to(dtype)
    sam.pixel_mean, sam.pixel_std = sam.pixel_mean.to(dtype), sam.pixel_std.to(dtype)
    return sam


def predicted(sam: Sam, asked: dict[str, Any], several: bool) -> tuple[Any, Any, Any]:
    predictor = SamPredictor(sam)
    predictor.set_image(PHOTO)
    return predictor.predict(
        asked.get("points"),
        asked["inside"].astype(int) if "inside" in asked else None,
        asked.get("box"),
        multimask_output=several,
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@QUESTIONS
@MASKS
def test_the_folded_decoder_answers_as_the_predictor(
    several: bool, asked: dict[str, Any], dtype: torch.dtype
) -> None:
    sam = wide(drawing_sam(), dtype)
    _, quality, logits = predicted(sam, asked, several)
    (view,) = FoldedSam(wide(drawing_sam(), dtype), dtype).look([PHOTO])
    points, inside = asked.get("points", np.zeros((0, 2))), asked.get("inside", np.zeros(0, bool))
    box = asked["box"][None] if "box" in asked else None
    answers = view.ask(Prompts(points[None], inside[None], box), several)
    drawn = answers.masks(torch.arange(1))[0]
    height, width = drawn.shape[1:]
    # places are float32 in any precision: they are not rounded in one order
    assert_close(drawn, logits[:, :height, :width], terms_of(sam), "float32")
    assert_close(answers.quality[0], quality, terms_of(sam), "float32")


@pytest.mark.parametrize("make", ["folded", "classic"])
@QUESTIONS
@MASKS
def test_masks_are_the_predictors(several: bool, asked: dict[str, Any], make: str) -> None:
    masks, quality, _ = predicted(drawing_sam(), asked, several)
    image = Image(PHOTO, PHOTO.shape[:2])
    if make == "classic":
        drawn = PromptableSegmenter(drawing_sam()).look(image).masks(**asked, several=several)
        there = drawn.masks.any(axis=(1, 2))
        found, sure = tuple(rle.encode(drawn.masks[there])), drawn.quality[there]
    else:
        segmenter = PointGridSegmenter(FoldedSam(drawing_sam()), max(PHOTO.shape))
        segments = segmenter.look(image).segments(**asked, several=several)
        found, sure = segments.counts, segments.quality
    order = np.argsort(-quality)
    order = order[masks[order].any(axis=(1, 2))]
    assert len(order) > 0
    alike = rle.iou(found, rle.encode(masks[order]), PHOTO.shape[:2]).diagonal()
    assert (alike > 0.998).all()  # rounding may tip a pixel
    np.testing.assert_allclose(sure.clip(0, 1), quality[order].clip(0, 1), atol=1e-4)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam") / "sam.safetensors"
    save_file({n: v.contiguous() for n, v in drawing_sam().state_dict().items()}, path)
    return path


def test_a_point_has_the_surest_of_three_masks_and_a_box_the_single_one(checkpoint: Path) -> None:
    segmenter = SamSegmenter(checkpoint, side=100, precision="float32", device="cpu")
    image = Image(PHOTO, (900, 1250))
    at, box = (700.0, 400.0), (300.0, 120.0, 600.0, 580.0)
    pointed, boxed = segmenter.prompted(image, at=at), segmenter.prompted(image, box=box)
    seen = segmenter.look(image)
    assert pointed.counts == seen.segments(np.array([at])).counts[:1]
    assert boxed.counts == seen.segments(box=np.array([300, 120, 900, 700])).counts
    assert pointed.size == boxed.size == (72, 100)
    assert len(pointed) == len(boxed) == 1


def test_boxes_have_the_surest_of_four_masks() -> None:
    segmenter = PointGridSegmenter(FoldedSam(drawing_sam()), max(PHOTO.shape))
    image = Image(PHOTO, (2 * PHOTO.shape[0], 2 * PHOTO.shape[1]))
    corners = [BOX, np.array([5.0, 5.0, 60.0, 90.0]), np.array([60.0, 40.0, 120.0, 70.0])]
    boxes = [(2 * x0, 2 * y0, 2 * (x1 - x0), 2 * (y1 - y0)) for x0, y0, x1, y1 in corners]
    single = []
    for found, box in zip(segmenter.prompted_boxes(image, boxes), corners, strict=True):
        answers = [predicted(drawing_sam(), {"box": box}, several) for several in (False, True)]
        masks, quality, _ = (np.concatenate(each) for each in zip(*answers, strict=True))
        surest = quality.argmax()
        single.append(surest == 0)
        assert rle.iou(found.counts, rle.encode(masks[surest][None]), PHOTO.shape[:2]) > 0.998
        np.testing.assert_allclose(found.quality, quality[surest].clip(0, 1), atol=1e-4)
    assert not all(single)
    assert segmenter.prompted_boxes(image, []) == []


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_boxes_are_answered_together_as_one_by_one(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = PointGridSegmenter(FoldedSam(drawing_sam()), max(PHOTO.shape))
    segmenter._model.batch = batch
    image = Image(PHOTO, PHOTO.shape[:2])
    random = np.random.default_rng(0)
    boxes = [(x, y, w, h) for x, y, w, h in random.random((5, 4)) * [60, 40, 50, 40] + 5]
    looked, look = [], segmenter._model.look

    def counted(photos: Any) -> Any:
        looked.append(len(photos))
        return look(photos)

    monkeypatch.setattr(segmenter._model, "look", counted)
    together = segmenter.prompted_boxes(image, boxes)
    assert looked == [1]
    alone = [segmenter.prompted_boxes(image, [box])[0] for box in boxes]
    for one, other in zip(together, alone, strict=True):
        assert len(one) == len(other) == 1
        assert rle.iou(one.counts, other.counts, one.size) > 0.998
        np.testing.assert_allclose(one.quality, other.quality, atol=1e-4)


def test_the_last_photo_is_looked_at_once(checkpoint: Path) -> None:
    segmenter = SamSegmenter(checkpoint, side=100, precision="float32", device="cpu")
    image, other = (Image(PHOTO, PHOTO.shape[:2]) for _ in range(2))
    assert segmenter.look(image) is segmenter.look(image)
    assert segmenter.look(other) is not segmenter.look(image)


def test_something_must_be_asked(checkpoint: Path) -> None:
    segmenter = SamSegmenter(checkpoint, side=100, precision="float32", device="cpu")
    with pytest.raises(ValueError, match="no point"):
        segmenter.prompted(Image(PHOTO, PHOTO.shape[:2]))


def test_where_nothing_is_drawn_there_is_no_segment(checkpoint: Path) -> None:
    segmenter = SamSegmenter(checkpoint, side=100, precision="float32", device="cpu")
    segmenter._model.threshold = 1e9
    image = Image(PHOTO, PHOTO.shape[:2])
    assert len(segmenter.prompted(image, at=(70, 40))) == 0
    assert [len(found) for found in segmenter.prompted_boxes(image, [(9, 9, 50, 50)] * 2)] == [0, 0]
