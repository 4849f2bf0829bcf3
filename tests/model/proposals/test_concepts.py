from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_detectors
import torch
from closeness import assert_close

from model.detectors.grounding_dino import GroundingDino
from model.detectors.sam3 import Sam3
from model.errors import WeightsMissing
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.proposals.concepts import ConceptProposer, GroundedProposer
from model.segmenter import Segmenter

FRAME = (24, 32)


@pytest.fixture(scope="module")
def grounding() -> tuple[Any, Any]:
    return tiny_detectors.grounding_dino()


@pytest.fixture(scope="module")
def concepts() -> tuple[Any, Any]:
    return tiny_detectors.sam3()


class BoxSegmenter(Segmenter):
    """Draws the box that it is given, and keeps it."""

    def __init__(self) -> None:
        self.boxes: list[tuple[float, ...]] = []

    def segment(self, image: Image) -> Segments:
        return Segments.empty(image.size)

    def prompted(self, image: Image, *, at: Any = None, box: Any = None) -> Segments:
        self.boxes.append(box)
        mask = np.zeros((1, *image.size), np.bool_)
        x, y, width, height = (max(round(value), 0) for value in box)
        mask[0, y : y + height + 1, x : x + width + 1] = True
        return Segments.from_masks(mask) if mask.any() else Segments.empty(image.size)


def photo() -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    return Image(pixels, (48, 64))


@pytest.mark.numeric
def test_boxes_are_those_of_the_published_post_processing(grounding: tuple[Any, Any]) -> None:
    model, processor = grounding
    segmenter = BoxSegmenter()
    proposer = GroundedProposer(GroundingDino(model, processor, least=0.0), segmenter)
    found = proposer.propose(photo(), "Red door", Segments.empty(FRAME))
    assert found.size == FRAME
    assert len(found) > 0
    inputs = processor(images=photo().pixels, text="red door.", return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    outputs.logits[:, :, [0, 3, 4]] = -torch.inf  # of what is not the phrase
    (published,) = processor.post_process_grounded_object_detection(
        outputs, inputs.input_ids, threshold=0.0, target_sizes=[(48, 64)]
    )
    order = published["scores"].argsort(descending=True)
    corners = published["boxes"][order].numpy().clip(0, [64, 48, 64, 48])
    expected = np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    assert_close(np.array(segmenter.boxes, np.float32), expected, 8, "float32", scale=128)


def test_boxes_below_the_least_score_are_not_drawn(grounding: tuple[Any, Any]) -> None:
    segmenter = BoxSegmenter()
    proposer = GroundedProposer(GroundingDino(*grounding, least=1.0), segmenter)
    assert len(proposer.propose(photo(), "red door", Segments.empty(FRAME))) == 0
    assert segmenter.boxes == []


@pytest.mark.numeric
def test_instances_are_those_of_the_published_post_processing(concepts: tuple[Any, Any]) -> None:
    model, processor = concepts
    inputs = processor(images=photo().pixels, text="red door", return_tensors="pt")
    with torch.no_grad():
        outputs = model(
            pixel_values=inputs["pixel_values"],
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
        )
    (published,) = processor.image_processor.post_process_instance_segmentation(
        outputs, threshold=0.0, target_sizes=[FRAME]
    )
    proposer = ConceptProposer(Sam3(model, processor, least=0.0))
    with torch.inference_mode():
        masks, scores = proposer._found(photo(), "red door", FRAME)
    assert_close(scores, published["scores"], 64, "float32")
    same = masks == published["masks"].bool().numpy()  # the published rounds probabilities
    assert same.mean() > 0.99
    found = proposer.propose(photo(), "red door", Segments.empty(FRAME), most=2)
    assert found.size == FRAME
    assert len(found) <= 2


def test_without_words_or_a_sure_instance_nothing_is_proposed(
    concepts: tuple[Any, Any], grounding: tuple[Any, Any]
) -> None:
    sure = ConceptProposer(Sam3(*concepts, least=1.0))
    assert len(sure.propose(photo(), "red door", Segments.empty(FRAME))) == 0
    boxes = GroundedProposer(GroundingDino(*grounding), BoxSegmenter())
    for proposer in (ConceptProposer(Sam3(*concepts)), boxes):
        assert len(proposer.propose(photo(), " ", Segments.empty(FRAME))) == 0


def test_models_are_loaded_from_a_folder_as_the_hub_has_it(
    concepts: tuple[Any, Any], grounding: tuple[Any, Any], tmp_path: Path
) -> None:
    for each in concepts:
        each.save_pretrained(tmp_path / "sam3")
    for each in grounding:
        each.save_pretrained(tmp_path / "grounding")
    loaded = ConceptProposer.load(tmp_path / "sam3", device="cpu")
    assert loaded.fingerprint == Sam3(*concepts).fingerprint
    boxes = GroundedProposer.load(tmp_path / "grounding", BoxSegmenter(), device="cpu")
    assert boxes.fingerprint == GroundingDino(*grounding).fingerprint
    with pytest.raises(WeightsMissing, match="no folder"):
        ConceptProposer.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("kind", "maker"), [("sam3", ConceptProposer), ("grounding-dino", GroundedProposer)]
)
def test_a_preset_names_the_folder(
    kind: str, maker: type, concepts: tuple[Any, Any], grounding: tuple[Any, Any], tmp_path: Path
) -> None:
    for each in concepts if kind == "sam3" else grounding:
        each.save_pretrained(tmp_path / "model")
    (tmp_path / "own.toml").write_text(
        "extends = 'colours'\nweights.proposer = {file = 'model/config.json'}\n"
        f"proposer = {{kind = '{kind}', least = 0.0, device = 'cpu'}}"
    )
    preset = load_preset(str(tmp_path / "own.toml"))
    proposer = preset.build_proposer(preset.build())
    assert type(proposer) is maker
    assert proposer.propose(photo(), "red door", Segments.empty(FRAME)).size == FRAME
