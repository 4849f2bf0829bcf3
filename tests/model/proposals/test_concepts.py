from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closeness import assert_close
from transformers import (
    BertConfig,
    BertTokenizer,
    CLIPTextConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Sam3Config,
    Sam3ImageProcessor,
    Sam3Model,
    Sam3Processor,
    Sam3VisionConfig,
    Sam3ViTConfig,
    SwinConfig,
)

from model.errors import WeightsMissing
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.proposals.concepts import ConceptProposer, GroundedProposer
from model.segmenter import Segmenter

FRAME = (24, 32)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    words = tmp_path_factory.mktemp("words") / "vocab.txt"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "door", "."]))
    return BertTokenizer(str(words))


@pytest.fixture(scope="module")
def grounding(tokenizer: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=128,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=2,
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=BertConfig(
            vocab_size=16,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        ),
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=5,
        max_text_len=16,
    )
    images = GroundingDinoImageProcessor(size={"height": 128, "width": 128})
    processor = GroundingDinoProcessor(images, tokenizer)
    return GroundingDinoForObjectDetection(config).eval(), processor


@pytest.fixture(scope="module")
def concepts(tokenizer: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    small = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    eye = Sam3ViTConfig(
        **small,
        num_hidden_layers=2,
        image_size=112,
        patch_size=14,
        window_size=4,
        global_attn_indexes=[1],
        pretrain_image_size=56,
    )
    sizes = [[32, 32], [16, 16], [8, 8]]
    config = Sam3Config(
        vision_config=Sam3VisionConfig(
            backbone_config=eye, fpn_hidden_size=16, backbone_feature_sizes=sizes
        ),
        text_config=CLIPTextConfig(
            **small,
            vocab_size=16,
            num_hidden_layers=1,
            max_position_embeddings=32,
            projection_dim=16,
            bos_token_id=2,
            eos_token_id=3,
            pad_token_id=0,
        ),
        geometry_encoder_config={**small, "num_layers": 1},
        detr_encoder_config={**small, "num_layers": 1},
        detr_decoder_config={**small, "num_layers": 2, "num_queries": 6},
        mask_decoder_config={"hidden_size": 16, "num_attention_heads": 2},
    )
    images = Sam3ImageProcessor(size={"height": 112, "width": 112})
    return Sam3Model(config).eval(), Sam3Processor(images, tokenizer)


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
    proposer = GroundedProposer(model, processor, segmenter, least=0.0)
    found = proposer.propose(photo(), "Red door", Segments.empty(FRAME))
    assert found.size == FRAME
    assert len(found) > 0
    inputs = processor(images=photo().pixels, text="red door.", return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    (published,) = processor.post_process_grounded_object_detection(
        outputs, inputs.input_ids, threshold=0.0, target_sizes=[(48, 64)]
    )
    order = published["scores"].argsort(descending=True)
    corners = published["boxes"][order].numpy()
    expected = np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    assert_close(np.array(segmenter.boxes, np.float32), expected, 8, "float32", scale=128)


def test_boxes_below_the_least_score_are_not_drawn(grounding: tuple[Any, Any]) -> None:
    segmenter = BoxSegmenter()
    proposer = GroundedProposer(*grounding, segmenter, least=1.0)
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
    proposer = ConceptProposer(model, processor, least=0.0)
    with torch.inference_mode():
        masks, scores = proposer._found(photo(), "red door", FRAME, 10)
    assert_close(scores, published["scores"], 64, "float32")
    same = masks == published["masks"].bool().numpy()  # the published rounds probabilities
    assert same.mean() > 0.99
    found = proposer.propose(photo(), "red door", Segments.empty(FRAME), most=2)
    assert found.size == FRAME
    assert len(found) <= 2


def test_without_words_or_a_sure_instance_nothing_is_proposed(
    concepts: tuple[Any, Any], grounding: tuple[Any, Any]
) -> None:
    sure = ConceptProposer(*concepts, least=1.0)
    assert len(sure.propose(photo(), "red door", Segments.empty(FRAME))) == 0
    for proposer in (ConceptProposer(*concepts), GroundedProposer(*grounding, BoxSegmenter())):
        assert len(proposer.propose(photo(), " ", Segments.empty(FRAME))) == 0


def test_models_are_loaded_from_a_folder_as_the_hub_has_it(
    concepts: tuple[Any, Any], grounding: tuple[Any, Any], tmp_path: Path
) -> None:
    for each in concepts:
        each.save_pretrained(tmp_path / "sam3")
    for each in grounding:
        each.save_pretrained(tmp_path / "grounding")
    loaded = ConceptProposer.load(tmp_path / "sam3", device="cpu")
    assert loaded.fingerprint == ConceptProposer(*concepts).fingerprint
    boxes = GroundedProposer.load(tmp_path / "grounding", BoxSegmenter(), device="cpu")
    assert boxes.fingerprint == GroundedProposer(*grounding, BoxSegmenter()).fingerprint
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
