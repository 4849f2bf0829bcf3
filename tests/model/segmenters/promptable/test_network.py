import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from safetensors import safe_open
from segment_anything import SamAutomaticMaskGenerator, SamPredictor
from segment_anything.modeling import MaskDecoder, Sam, TwoWayTransformer
from torch.nn import functional

from model.encoders.efficientnet import EfficientNetTrunk
from model.errors import WeightsMismatch
from model.segmenters.promptable.decoder import FineMaskDecoder, packed, unpacked
from model.segmenters.promptable.network import PromptedSam, PromptedShape, localised
from model.segmenters.sam.networks.folded_sam import FoldedSam

SIDE = 64
SHAPE = PromptedShape(
    width=32, heads=2, mlp=32, quality=16, neck=16, neck_fine=16, blocks=(1, 1, 1), mask_channels=4
)


@pytest.fixture(scope="module")
def trunk() -> EfficientNetTrunk:
    return EfficientNetTrunk.shared()


@pytest.fixture(scope="module")
def network(trunk: EfficientNetTrunk) -> PromptedSam:
    torch.manual_seed(0)
    return PromptedSam(trunk, SHAPE, SIDE).eval().requires_grad_(False)


def photo(height: int = 48, width: int = 80) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_what_is_packed_is_unpacked_again() -> None:
    random = torch.Generator().manual_seed(0)
    coarse = torch.randn(2, 16, 3, 5, generator=random)
    middle = torch.randn(2, 4, 6, 10, generator=random)
    fine = torch.randn(2, 2, 12, 20, generator=random)
    back = unpacked(packed(coarse, middle, fine))
    assert torch.equal(back.coarse, coarse)
    for row, column in ((0, 0), (1, 3), (2, 4)):
        cell = row * 5 + column
        for i in range(4):
            y, x = 2 * row + i // 2, 2 * column + i % 2
            assert torch.equal(back.middle[:, cell, i], middle[:, :, y, x])
            for j in range(4):
                nested = fine[:, :, 2 * y + j // 2, 2 * x + j % 2]
                assert torch.equal(back.fine[:, cell, i, j], nested)


def test_without_fine_features_it_is_the_decoder_of_sam() -> None:
    torch.manual_seed(0)
    ours = FineMaskDecoder(width=32, heads=2, mlp=32, quality=16)
    theirs = MaskDecoder(
        transformer_dim=32,
        transformer=TwoWayTransformer(2, 32, 2, 32),
        iou_head_hidden_dim=16,
    )
    theirs.load_state_dict(ours.state_dict())
    coarse, places = torch.randn(1, 32, 3, 4), torch.randn(1, 32, 3, 4)
    nothing = packed(coarse, torch.zeros(1, 8, 6, 8), torch.zeros(1, 4, 12, 16))
    tokens, dense = torch.randn(5, 3, 32), torch.randn(5, 32, 3, 4)
    for several in (False, True):
        got = ours(nothing, places, tokens, dense, several)
        expected = theirs(coarse, places, tokens, dense, several)
        for one, other in zip(got, expected, strict=True):
            assert_close(one, other, terms_of(theirs))


def test_fine_features_are_added_while_masks_are_upscaled(network: PromptedSam) -> None:
    decoder = network.mask_decoder
    embedding = torch.randn(1, 128, 4, 4)
    tokens, dense = torch.randn(3, 2, 32), torch.randn(3, 32, 4, 4)
    places = network.prompt_encoder.get_dense_pe()
    got, quality = decoder.predict_masks(embedding, places, tokens, dense)

    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    tokens = torch.cat([own.expand(3, -1, -1), tokens], dim=1)
    said, cells = decoder.transformer(
        embedding[:, :32].expand(3, -1, -1, -1) + dense, places.expand(3, -1, -1, -1), tokens
    )
    first, norm, activation, second, last = decoder.output_upscaling
    x = first(cells.transpose(1, 2).reshape(3, 32, 4, 4))
    x = activation(norm(x + functional.pixel_shuffle(embedding[:, 32:64], 2)))
    x = last(second(x) + functional.pixel_shuffle(embedding[:, 64:], 4))
    for number, mlp in enumerate(decoder.output_hypernetworks_mlps):
        expected = torch.einsum("nc,nchw->nhw", mlp(said[:, 1 + number]), x)
        assert_close(got[:, number], expected, terms_of(decoder))
    assert_close(quality, decoder.iou_prediction_head(said[:, 0]), terms_of(decoder))


def test_several_photos_at_once_are_each_asked_their_own_prompts(network: PromptedSam) -> None:
    embeddings = torch.randn(2, 128, 4, 4)
    tokens, dense = torch.randn(6, 2, 32), torch.randn(6, 32, 4, 4)
    places = network.prompt_encoder.get_dense_pe()
    together, _ = network.mask_decoder.predict_masks(embeddings, places, tokens, dense)
    for number in range(2):
        own = slice(3 * number, 3 * number + 3)
        alone, _ = network.mask_decoder.predict_masks(
            embeddings[number : number + 1], places, tokens[own], dense[own]
        )
        assert_close(together[own], alone, terms_of(network.mask_decoder))


def test_the_predictor_takes_it_as_it_is(network: PromptedSam) -> None:
    predictor = SamPredictor(network)
    predictor.set_image(photo())
    assert predictor.get_image_embedding().shape == (1, 4 * SHAPE.width, SIDE // 16, SIDE // 16)
    masks, quality, logits = predictor.predict(np.array([[40, 20]]), np.array([1]))
    assert (masks.shape, quality.shape, logits.shape) == ((3, 48, 80), (3,), (3, 16, 16))
    masks, _, logits = predictor.predict(
        np.array([[40, 20], [5, 5]]),
        np.array([1, 0]),
        box=np.array([10, 10, 60, 40]),
        mask_input=logits[:1],
        multimask_output=False,
    )
    assert masks.shape == (1, 48, 80)


def test_the_automatic_generator_takes_it_as_it_is(network: PromptedSam) -> None:
    generator = SamAutomaticMaskGenerator(
        network, points_per_side=3, pred_iou_thresh=-9, stability_score_thresh=0
    )
    found = generator.generate(photo())
    assert all(record["segmentation"].shape == (48, 80) for record in found)
    assert isinstance(network, Sam)


def test_on_a_cpu_bfloat16_draws_the_very_masks_of_float32(network: PromptedSam) -> None:
    points = np.random.default_rng(0).random((5, 2)) * [80, 48]
    exact, asked_for_less = (
        FoldedSam(copy.deepcopy(network), dtype).look([photo()])[0].answer(points)
        for dtype in (torch.float32, torch.bfloat16)
    )
    terms, rows = terms_of(network.mask_decoder), torch.arange(5)
    assert_close(exact.quality, asked_for_less.quality, terms)
    assert_close(exact.masks(rows), asked_for_less.masks(rows), terms)


def test_saved_weights_are_loaded_again(
    network: PromptedSam, trunk: EfficientNetTrunk, tmp_path: Path
) -> None:
    path = tmp_path / "prompts.safetensors"
    network.save(path)
    loaded = PromptedSam.load(path, trunk)
    assert (loaded.shape, loaded.image_encoder.img_size) == (SHAPE, SIDE)
    for name, value in network.state_dict().items():
        step = value.abs().max() * (0.51 / 127 if value.numel() >= 4096 else 2**-11)
        assert (loaded.state_dict()[name] - value).abs().max() <= step, name
    assert not any(weight.requires_grad for weight in loaded.parameters())
    with safe_open(path, framework="pt") as file:
        assert not any("trunk" in name for name in file.keys())  # noqa: SIM118


def test_other_weights_are_refused(
    network: PromptedSam, trunk: EfficientNetTrunk, tmp_path: Path
) -> None:
    path = tmp_path / "prompts.safetensors"
    path.write_bytes(b"no weights")
    with pytest.raises(WeightsMismatch, match="promptable"):
        PromptedSam.load(path, trunk)


def test_prompts_look_at_their_own_place_before_anything_is_learned(
    trunk: EfficientNetTrunk,
) -> None:
    torch.manual_seed(0)
    network = PromptedSam(trunk, PromptedShape(), 224).eval()
    localised(network)
    points = torch.rand(30, 1, 2) * 223
    seen = {}

    def note(module: torch.nn.Module, _: object, asked: dict[str, torch.Tensor]) -> None:
        q, k = (  # what the attention makes of them, heads apart
            part.unflatten(-1, (4, -1)).transpose(1, 2)
            for part in (module.q_proj(asked["q"]), module.k_proj(asked["k"]))
        )
        seen["peak"] = (q @ k.transpose(2, 3))[:, :, 5].argmax(dim=-1)

    layer = network.mask_decoder.transformer.layers[0]
    layer.cross_attn_token_to_image.register_forward_pre_hook(note, with_kwargs=True)
    with torch.inference_mode():
        tokens, dense = network.prompt_encoder((points, torch.ones(30, 1)), None, None)
        embedding = network.image_encoder(torch.randn(1, 3, 224, 224))
        places = network.prompt_encoder.get_dense_pe()
        network.mask_decoder.predict_masks(embedding, places, tokens, dense)
    found = torch.stack([seen["peak"] % 14, seen["peak"] // 14], dim=-1) + 0.5
    away = (found - (points + 0.5) / 16).norm(dim=-1)
    assert away.median() < 1
