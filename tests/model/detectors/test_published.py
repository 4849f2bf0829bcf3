"""Detectors against the published post-processing, and what all of them have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_detectors
import torch
from closeness import assert_close

from model.detectors.detector import Detections
from model.detectors.grounding_dino import GroundingDino
from model.detectors.omdet_turbo import LONGEST, TASK, OmDetTurbo
from model.detectors.owlv2 import Owlv2
from model.detectors.published import PublishedDetector
from model.detectors.sam3 import Sam3
from model.errors import WeightsMismatch, WeightsMissing
from model.photos.images import Image

SIZE = (48, 64)
KINDS: dict[str, tuple[type[PublishedDetector], Callable[[], tuple[Any, Any]]]] = {
    "grounding-dino": (GroundingDino, tiny_detectors.grounding_dino),
    "mm-grounding-dino": (GroundingDino, lambda: tiny_detectors.grounding_dino(mm=True)),
    "owlv2": (Owlv2, tiny_detectors.owlv2),
    "omdet-turbo": (OmDetTurbo, tiny_detectors.omdet_turbo),
    "sam3": (Sam3, tiny_detectors.sam3),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def made(kind: str, least: float = 0.0) -> PublishedDetector:
    detector, parts = KINDS[kind]
    return detector(*parts(), least=least)


def photo(size: tuple[int, int] = SIZE) -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    return Image(pixels, size)


def assert_found(found: Detections, boxes: torch.Tensor, scores: torch.Tensor) -> None:
    """Detections are published ones, in pixels of `SIZE` and wherever they lie."""
    height, width = SIZE
    shares = (boxes / torch.tensor([width, height, width, height])).clamp(0, 1).numpy()
    there = (shares[:, 2] > shares[:, 0]) & (shares[:, 3] > shares[:, 1])
    order = np.argsort(-scores.numpy()[there], kind="stable")
    assert len(found) == len(order) > 0
    assert_close(found.scores, scores.numpy()[there][order], 64, "float32")
    assert_close(found.boxes, shares[there][order], 64, "float32")


@pytest.mark.numeric
@pytest.mark.parametrize("mm", [False, True])
def test_boxes_of_one_phrase_are_grounding_dinos(mm: bool) -> None:
    model, processor = tiny_detectors.grounding_dino(mm)
    (found,) = GroundingDino(model, processor, least=0.0).detect(photo(), ["Red door"])
    inputs = processor(images=photo().pixels, text="red door.", return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    outputs.logits[:, :, [0, 3, 4]] = -torch.inf  # [CLS], the full stop and [SEP]
    (published,) = processor.post_process_grounded_object_detection(
        outputs, inputs.input_ids, threshold=0.0, target_sizes=[SIZE]
    )
    assert_found(found, published["boxes"], published["scores"])


@pytest.mark.numeric
def test_phrases_that_share_words_have_scores_of_their_own() -> None:
    model, processor = tiny_detectors.grounding_dino()
    door, car = GroundingDino(model, processor, least=0.0).detect(
        photo(), ["red car?", "car. door"]
    )[::-1]
    inputs = processor(images=photo().pixels, text="car door. red car.", return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    for found, tokens in ((door, (1, 2)), (car, (4, 5))):
        scores = outputs.logits[0].sigmoid()[:, list(tokens)].amax(dim=1).sort(descending=True)
        assert_close(found.scores, scores.values.numpy(), 64, "float32")


@pytest.mark.numeric
def test_several_prompts_are_passes_of_their_own() -> None:
    detector = GroundingDino(*tiny_detectors.grounding_dino(max_text_len=7), least=0.0)
    found = detector.detect(photo(), ["car door", "red car"])
    for text, one in zip(["car door", "red car"], found, strict=True):
        (alone,) = detector.detect(photo(), [text])
        assert_close(one.scores, alone.scores, 64, "float32")
        assert_close(one.boxes, alone.boxes, 64, "float32")


@pytest.mark.numeric
def test_boxes_are_owlv2s() -> None:
    model, processor = tiny_detectors.owlv2()
    text = "a photo of a red door"
    (found,) = Owlv2(model, processor, least=0.0).detect(photo(), ["red door"])
    tokens = processor.tokenizer([text], padding="max_length", max_length=40, return_tensors="pt")
    pixels = processor.image_processor(images=photo().pixels, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**pixels, **tokens)
    (published,) = processor.post_process_grounded_object_detection(
        outputs, threshold=0.0, target_sizes=[SIZE]
    )
    assert_found(found, published["boxes"], published["scores"])


@pytest.mark.numeric
def test_boxes_are_omdet_turbos() -> None:
    model, processor = tiny_detectors.omdet_turbo()
    texts = ["car door", "red car"]
    found = OmDetTurbo(model, processor, least=0.0).detect(photo(), texts)
    inputs = processor(images=photo().pixels, text=texts, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    everything = len(outputs.decoder_coord_logits[0]) * len(texts)
    (published,) = processor.post_process_grounded_object_detection(
        outputs, threshold=0.0, nms_threshold=1.0, target_sizes=[SIZE], max_num_det=everything
    )
    for number, one in enumerate(found):
        own = published["labels"] == number
        assert_found(one, published["boxes"][own], published["scores"][own])


@pytest.mark.numeric
def test_boxes_are_sam3s() -> None:
    model, processor = tiny_detectors.sam3()
    found = Sam3(model, processor, least=0.0).detect(photo(), ["red door", "cat"])
    for text, one in zip(["red door", "cat"], found, strict=True):
        inputs = processor(images=photo().pixels, text=text, return_tensors="pt")
        with torch.no_grad():
            outputs = model(
                pixel_values=inputs["pixel_values"],
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
            )
        (published,) = processor.image_processor.post_process_object_detection(
            outputs, threshold=0.0, target_sizes=[SIZE]
        )
        assert_found(one, published["boxes"], published["scores"])


@EVERY
def test_texts_keep_their_order_and_empty_ones_find_nothing(kind: str) -> None:
    found = made(kind).detect(photo(), ["red car", " ", "Red  car", "cat"])
    assert [len(one) > 0 for one in found] == [True, False, True, True]
    np.testing.assert_array_equal(found[0].scores, found[2].scores)
    assert made(kind).detect(photo(), ["", "  "])[0].boxes.shape == (0, 4)
    assert made(kind).detect(photo(), []) == []
    for one in found:
        assert (np.diff(one.scores) <= 0).all()
        assert (one.boxes >= 0).all()
        assert (one.boxes <= 1).all()


@EVERY
def test_boxes_below_the_least_score_are_left_out(kind: str) -> None:
    (found,) = made(kind).detect(photo(), ["red car"])
    least = float(np.median(found.scores))
    (above,) = made(kind, least).detect(photo(), ["red car"])
    np.testing.assert_array_equal(above.scores, found.scores[found.scores > least])


@EVERY
def test_texts_of_any_length_are_read(kind: str) -> None:
    long = " ".join(["red", "car", "door"] * 60)
    found = made(kind).detect(photo(), [long, *(f"red car {'door ' * n}" for n in range(9))])
    assert len(found) == 10


def test_a_task_that_would_be_cut_is_asked_in_passes() -> None:
    detector = OmDetTurbo(*tiny_detectors.omdet_turbo(), least=0.0)
    texts = ["a" * 30, "b" * 30, "c" * 30]  # two of them fill a task
    with torch.inference_mode():
        passes = list(detector._passes(photo(), texts))
    assert [some for some, _, _ in passes] == [texts[:2], texts[2:]]
    task = TASK.format(", ".join(texts[:2]))
    assert len(detector.processor.tokenizer(task)["input_ids"]) <= LONGEST


@EVERY
def test_a_detector_is_loaded_from_a_folder_as_the_hub_has_it(kind: str, tmp_path: Path) -> None:
    detector, parts = KINDS[kind]
    folder = tiny_detectors.saved(parts(), tmp_path / "model")
    loaded = detector.load(folder, device="cpu", least=0.0)
    assert loaded.name == kind
    assert loaded.fingerprint == made(kind).fingerprint
    assert loaded.fingerprint != made(kind, 0.1).fingerprint
    (found,), (expected,) = (each.detect(photo(), ["cat"]) for each in (loaded, made(kind)))
    assert_close(found.scores, expected.scores, 64, "float32")


def test_how_photos_are_prepared_is_part_of_the_fingerprint() -> None:
    model, processor = tiny_detectors.owlv2()
    other = copy.deepcopy(processor)
    other.image_processor.size = {"height": 32, "width": 32}
    assert Owlv2(model, other).fingerprint != Owlv2(model, processor).fingerprint


@EVERY
def test_a_folder_without_the_model_is_refused(kind: str, tmp_path: Path) -> None:
    detector, _ = KINDS[kind]
    with pytest.raises(WeightsMissing, match="no folder"):
        detector.load(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WeightsMismatch, match="does not hold"):
        detector.load(tmp_path, device="cpu")


def test_boxes_are_cut_to_the_photo_and_empty_ones_dropped() -> None:
    boxes = np.array(
        [[-0.5, 0.2, 0.5, 1.5], [1.1, 0, 1.2, 1], [0.1, 0.1, 0.2, 0.2], [np.nan, 0, 1, 1]],
        np.float32,
    )
    found = Detections.above(boxes, np.array([0.3, 0.9, 0.4, 0.9], np.float32), 0.25)
    np.testing.assert_allclose(found.boxes, [[0.1, 0.1, 0.2, 0.2], [0, 0.2, 0.5, 1]])
    np.testing.assert_allclose(found.scores, [0.4, 0.3])
