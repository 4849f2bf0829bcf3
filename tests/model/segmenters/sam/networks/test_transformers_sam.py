"""SAM and its kin in transformers' own classes, tiny and random, saved and loaded as folders."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from half_precision import needs_bfloat16
from torch.nn import functional
from toy_sam import PHOTO

from model.errors import WeightsMismatch, WeightsMissing
from model.masks import rle
from model.photos.images import Image
from model.segmenters.sam.generation.generator import MaskGenerator
from model.segmenters.sam.networks.decoder_parts import decoder_parts
from model.segmenters.sam.networks.folded_decoder import FoldedDecoder
from model.segmenters.sam.networks.transformers_sam import TransformersSam, load_promptable
from model.segmenters.sam.promptable import Answers, Promptable, Prompts, View
from model.segmenters.sam.transformers_segmenter import TransformersSegmenter

WIDTH = 32
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def quiet_library() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what transformers says of itself
        yield


def prompts(kind: Any, side: int = 128, patch: int = 16) -> dict[str, Any]:
    config: dict[str, Any] = kind(hidden_size=WIDTH, image_size=side, patch_size=patch).to_dict()
    return config


def decoder(kind: Any, **more: Any) -> dict[str, Any]:
    config: dict[str, Any] = kind(
        hidden_size=WIDTH, mlp_dim=64, num_attention_heads=4, iou_head_hidden_dim=WIDTH, **more
    ).to_dict()
    return config


def vit(kind: Any) -> dict[str, Any]:
    config: dict[str, Any] = kind(
        hidden_size=WIDTH,
        output_channels=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=128,
        patch_size=16,
        window_size=4,
        global_attn_indexes=[1],
        mlp_dim=64,
        num_pos_feats=WIDTH // 2,
    ).to_dict()
    return config


def pyramid(kind: Any, backbone: Any, channels: list[int]) -> dict[str, Any]:
    config: dict[str, Any] = kind(
        backbone_config=backbone.to_dict(),
        backbone_channel_list=channels,
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=WIDTH,
    ).to_dict()
    return config


def sam() -> Any:
    from transformers import SamConfig, SamModel
    from transformers.models.sam import configuration_sam as made

    return SamModel(
        SamConfig(
            vision_config=vit(made.SamVisionConfig),
            prompt_encoder_config=prompts(made.SamPromptEncoderConfig),
            mask_decoder_config=decoder(made.SamMaskDecoderConfig),
        )
    )


def sam_hq() -> Any:
    from transformers import SamHQConfig, SamHQModel
    from transformers.models.sam_hq import configuration_sam_hq as made

    return SamHQModel(
        SamHQConfig(
            vision_config=vit(made.SamHQVisionConfig),
            prompt_encoder_config=prompts(made.SamHQPromptEncoderConfig),
            mask_decoder_config=decoder(made.SamHQMaskDecoderConfig, vit_dim=WIDTH),
        )
    )


def sam2() -> Any:
    from transformers import Sam2Config, Sam2Model
    from transformers.models.sam2 import configuration_sam2 as made

    hiera = made.Sam2HieraDetConfig(
        hidden_size=16,
        num_attention_heads=1,
        image_size=[128, 128],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[16, 32, 64, 128],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[4, 4, 4, 4],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    return Sam2Model(
        Sam2Config(
            vision_config=pyramid(made.Sam2VisionConfig, hiera, [128, 64, 32, 16]),
            prompt_encoder_config=prompts(made.Sam2PromptEncoderConfig),
            mask_decoder_config=decoder(made.Sam2MaskDecoderConfig),
        )
    )


def edgetam() -> Any:
    from transformers import EdgeTamConfig, EdgeTamModel, TimmWrapperConfig
    from transformers.models.edgetam import configuration_edgetam as made

    features = {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]}
    repvit = TimmWrapperConfig(architecture="repvit_m0_9", model_args=features)
    return EdgeTamModel(
        EdgeTamConfig(
            vision_config=pyramid(made.EdgeTamVisionConfig, repvit, [384, 192, 96, 48]),
            prompt_encoder_config=prompts(made.EdgeTamPromptEncoderConfig),
            mask_decoder_config=decoder(made.EdgeTamMaskDecoderConfig),
        )
    )


def sam3() -> Any:
    from transformers import Sam3TrackerConfig, Sam3TrackerModel
    from transformers.models.sam3 import configuration_sam3 as eyes
    from transformers.models.sam3_tracker import configuration_sam3_tracker as made

    backbone = eyes.Sam3ViTConfig(
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=112,
        patch_size=14,
        window_size=4,
        global_attn_indexes=[1],
        pretrain_image_size=56,
    )
    vision = eyes.Sam3VisionConfig(
        backbone_config=backbone.to_dict(),
        fpn_hidden_size=WIDTH,
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
    )
    return Sam3TrackerModel(
        Sam3TrackerConfig(
            vision_config=vision.to_dict(),
            prompt_encoder_config=prompts(made.Sam3TrackerPromptEncoderConfig, 112, 14),
            mask_decoder_config=decoder(made.Sam3TrackerMaskDecoderConfig),
        )
    )


def mended(model: Any) -> Any:
    """A SAM-HQ that enlarges what its transformer made of the photo's cells, as its authors' code
    does (`hs, src = self.transformer(…)`); transformers 5.23 enlarges the encoder's, transposed."""
    decoder = model.mask_decoder
    left: list[torch.Tensor] = []
    decoder.transformer.register_forward_hook(lambda _, taken, given: left.append(given[1]))

    def put_right(_: Any, taken: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (left.pop().transpose(2, 3).reshape(taken[0].shape),)

    decoder.upscale_conv1.register_forward_pre_hook(put_right)
    return model


def lively(make: Callable[[], Any]) -> Any:
    """A model whose random weights are large enough to make a difference."""
    torch.manual_seed(0)
    model = make().eval().requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.mul_(8)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("make", [sam, sam2, edgetam, sam3, sam_hq])
def test_points_are_answered_as_by_the_library(
    make: Callable[[], Any], dtype: torch.dtype, tmp_path: Path
) -> None:
    model = lively(make)
    model.save_pretrained(tmp_path)
    ours = load_promptable(tmp_path, dtype, CPU)
    model = model.to(dtype)
    (view,) = ours.look([PHOTO])
    points = np.random.default_rng(0).random((6, 2)) * [125, 90]
    answers = view.answer(points)
    drawn = answers.masks(torch.arange(6))

    pixels, ((height, width),) = ours._eyes.prepared([PHOTO])
    at = torch.tensor(points * [width / 125, height / 90], dtype=dtype)
    with torch.inference_mode():
        said = (mended(model) if make is sam_hq else model)(
            pixel_values=pixels, input_points=at[None, :, None]
        )
    rows, columns = drawn.shape[2:]
    expected = said.pred_masks[0][..., :rows, :columns]
    if make is sam_hq:  # the library gives the best mask first
        order = answers.quality.argsort(dim=1, descending=True)
        drawn = drawn.take_along_dim(order[..., None, None], 1)
        answers.quality = answers.quality.take_along_dim(order, 1)
    assert expected.std() > 0.05
    assert_close(drawn, expected, terms_of(model))
    once = dtype == torch.float64  # to float32, in which qualities are given
    assert_close(answers.quality, said.iou_scores[0], 1 if once else terms_of(model))
    assert view.frame.size == PHOTO.shape[:2]


@pytest.mark.parametrize("make", [sam, sam2, edgetam, sam3, sam_hq])
def test_boxes_and_points_are_answered_as_by_the_library(
    make: Callable[[], Any], tmp_path: Path
) -> None:
    model = lively(make).double()
    model.save_pretrained(tmp_path)
    ours = load_promptable(tmp_path, torch.float64, CPU)
    (view,) = ours.look([PHOTO])
    pixels, ((height, width),) = ours._eyes.prepared([PHOTO])  # type: ignore[attr-defined]
    library = mended(model) if make is sam_hq else model
    random = np.random.default_rng(0)
    start = random.random((4, 2)) * [60, 40]
    boxes = np.concatenate([start, start + 10 + random.random((4, 2)) * 40], axis=1)
    points, inside = random.random((4, 3, 2)) * [125, 90], random.random((4, 3)) < 0.6
    for asked in ("points", "box", "both"):
        count = 0 if asked == "box" else 3
        box = None if asked == "points" else boxes
        prompts = Prompts(points[:, :count], inside[:, :count], box)
        framed = prompts.scaled(np.array([width / 125, height / 90]))
        given: dict[str, Any] = {"pixel_values": pixels}
        if count:
            given["input_points"] = torch.tensor(framed.points)[None]
            given["input_labels"] = torch.tensor(inside, dtype=torch.int)[None]
        if framed.boxes is not None:
            given["input_boxes"] = torch.tensor(framed.boxes)[None]
        for several in (True, False):
            answers = view.ask(prompts, several)
            drawn, quality = answers.masks(torch.arange(4)), answers.quality
            with torch.inference_mode():
                said = library(multimask_output=several, **given)
            if make is sam_hq:  # the library gives the best mask first
                order = quality.argsort(dim=1, descending=True)
                drawn = drawn.take_along_dim(order[..., None, None], 1)
                quality = quality.take_along_dim(order, 1)
            rows, columns = drawn.shape[2:]
            assert drawn.shape[:2] == (4, 3 if several else 1)
            assert_close(drawn, said.pred_masks[0][..., :rows, :columns], terms_of(model))
            assert_close(quality, said.iou_scores[0], 1, "float32")  # in which they are given


@pytest.mark.parametrize("make", [sam, sam2, sam_hq])
def test_all_masks_are_the_single_one_and_the_hypotheses(make: Callable[[], Any]) -> None:
    model = lively(make)
    ours = TransformersSam(model, torch.float32, CPU)
    ours.stable_single = None  # by which a hypothesis may stand for the single one
    (view,) = ours.look([PHOTO])
    prompts = Prompts.at(np.random.default_rng(0).random((3, 2)) * [125, 90])
    every, single, several = (view.ask(prompts, each) for each in (None, False, True))
    rows = torch.arange(3)
    assert every.quality.shape == (3, 4)
    torch.testing.assert_close(every.quality, torch.cat([single.quality, several.quality], dim=1))
    both = torch.cat([single.masks(rows), several.masks(rows)], dim=1)
    assert_close(every.masks(rows), both, terms_of(model))


@pytest.mark.parametrize("stable", [True, False])
def test_an_unstable_single_mask_gives_way_to_the_surest_of_three(stable: bool) -> None:
    model = lively(sam2)
    model.mask_decoder.dynamic_multimask_stability_delta = 0.0 if stable else 1e9
    ours = TransformersSam(model, torch.float32, CPU)
    (view,) = ours.look([PHOTO])
    prompts, rows = Prompts.at(np.random.default_rng(0).random((6, 2)) * [125, 90]), torch.arange(6)
    single, several = (view.ask(prompts, each) for each in (False, True))
    ours.stable_single = None
    plain = view.ask(prompts, several=False)
    surest = several.quality.argmax(dim=1, keepdim=True)
    chosen = several.masks(rows).take_along_dim(surest[..., None, None], dim=1)
    expected = plain.masks(rows) if stable else chosen
    assert_close(single.masks(rows), expected, terms_of(model))
    quality = plain.quality if stable else several.quality.take_along_dim(surest, dim=1)
    assert_close(single.quality, quality, terms_of(model))


@pytest.mark.parametrize("make", [sam2, sam_hq])
def test_several_photos_are_looked_at_as_one_by_one(make: Callable[[], Any]) -> None:
    model = lively(make)
    ours = TransformersSam(model, torch.float32, CPU)
    photos = [PHOTO, np.ascontiguousarray(PHOTO.swapaxes(0, 1)[::2])]
    points = np.random.default_rng(0).random((4, 2)) * 60
    for photo, together in zip(photos, ours.look(photos), strict=True):
        (alone,) = ours.look([photo])
        answers = [view.answer(points) for view in (together, alone)]
        drawn = [each.masks(torch.arange(4)) for each in answers]
        assert_close(*drawn, terms_of(model))
        assert_close(*(answer.quality for answer in answers), terms_of(model))
        assert together.frame.size == photo.shape[:2]


class PlainHq(Promptable, View, Answers):
    """SAM-HQ by the library's own decoder: every mask of every point."""

    def __init__(self, model: Any, folded: TransformersSam) -> None:
        self.model, self.folded = mended(model), folded
        self.device = CPU

    def look(self, photos: Any) -> list[View]:
        (photo,) = photos
        self.pixels, (inner,) = self.folded._eyes.prepared(photos)
        self.frame = self.folded.frame(photo.shape[:2], inner)
        self.scale = np.array([inner[1] / photo.shape[1], inner[0] / photo.shape[0]])
        return [self]

    def ask(self, prompts: Prompts, several: bool | None) -> Answers:
        at = torch.as_tensor(prompts.scaled(self.scale).points, dtype=torch.float32)[None]
        said = self.model(pixel_values=self.pixels, input_points=at, multimask_output=several)
        self.quality, self.logits = said.iou_scores[0], said.pred_masks[0]
        return self

    def masks(self, rows: torch.Tensor) -> torch.Tensor:
        height, width = self.frame.rows.cells_read, self.frame.columns.cells_read
        return self.logits[rows, :, :height, :width]


def test_masks_of_sam_hq_are_those_of_the_library_s_decoder(tmp_path: Path) -> None:
    model = lively(sam_hq)
    model.save_pretrained(tmp_path)
    folded = load_promptable(tmp_path, torch.float32, CPU)
    (view,) = folded.look([PHOTO])
    said = view.answer(np.random.default_rng(0).random((40, 2)) * [125, 90]).quality
    settings = {
        "points_per_side": 6,
        "pred_iou_thresh": between(said, 0.3),
        "stability_score_thresh": 0.5,
        "stability_score_offset": 0.05,
        "box_nms_thresh": 1.0,  # all are kept: what knows nothing draws much the same anywhere
        "output_mode": "coco_rle",
    }
    ours, theirs = (
        [mask["segmentation"]["counts"].encode() for mask in generated]
        for generated in (
            MaskGenerator(each, **settings).generate(PHOTO)
            for each in (folded, PlainHq(model, folded))
        )
    )
    assert len(set(theirs)) > 10
    assert len(ours) == len(theirs)
    alike = rle.iou(ours, theirs, PHOTO.shape[:2]) > 0.999  # rounding may tip a pixel
    assert alike.any(axis=0).all()
    assert alike.any(axis=1).all()


def between(values: torch.Tensor, share: float) -> float:
    """A number that this share of the values lies below, and no value near."""
    ascending = values.flatten().double().sort().values
    place = round(share * len(ascending))
    places = range(max(place - 5, 1), place + 5)
    widest = max(places, key=lambda i: float(ascending[i] - ascending[i - 1]))
    return float(ascending[widest - 1 : widest + 1].mean())


def test_in_bfloat16_sam_hq_draws_nearly_the_same(tmp_path: Path) -> None:
    model = lively(sam_hq)
    model.save_pretrained(tmp_path)
    exact, rough = (load_promptable(tmp_path, torch.float32, CPU) for _ in range(2))
    assert isinstance(rough, TransformersSam)
    rough.decoder = FoldedDecoder(decoder_parts(model.mask_decoder), torch.bfloat16)  # as a GPU's
    points = np.random.default_rng(0).random((6, 2)) * [125, 90]
    one, other = (
        each.look([PHOTO])[0].answer(points).masks(torch.arange(6)).flatten(1)
        for each in (exact, rough)
    )
    assert functional.cosine_similarity(one, other).min() > 0.99


@needs_bfloat16
def test_on_a_cpu_bfloat16_is_the_image_encoder_s_alone(tmp_path: Path) -> None:
    lively(sam2).save_pretrained(tmp_path)
    rough = load_promptable(tmp_path, torch.bfloat16, CPU)
    assert isinstance(rough, TransformersSam)
    assert rough.decoder.dtype == torch.float32
    (view,) = rough.look([PHOTO])
    drawn = view.answer(np.array([[60.0, 40.0]])).masks(torch.arange(1))
    assert drawn.dtype == torch.float32
    assert rough._eyes.dtype == torch.bfloat16


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=needs_bfloat16)])
def test_the_segmenter_of_a_folder(tmp_path: Path, precision: str) -> None:
    lively(sam2).save_pretrained(tmp_path)
    settings = {"points_per_side": 3, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0}
    segmenter = TransformersSegmenter(tmp_path, 80, precision, "cpu", **settings)
    segments = segmenter.segment(Image(PHOTO, PHOTO.shape[:2]))
    assert segments.size == (58, 80)
    assert len(segments) > 0


def test_a_folder_without_all_of_the_weights_is_refused(tmp_path: Path) -> None:
    model = lively(sam)
    state = {name: value for name, value in model.state_dict().items() if "iou_token" not in name}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(WeightsMismatch, match=r"lacks 1 tensors, mask_decoder\.iou_token"):
        load_promptable(tmp_path, torch.float32, CPU)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no model at"):
        load_promptable(tmp_path, torch.float32, CPU)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsMismatch, match="draws masks for points"):
        load_promptable(tmp_path, torch.float32, CPU)
