from __future__ import annotations

from typing import Any

import pytest
import torch
from closeness import assert_close, terms_of
from segment_anything.modeling import MaskDecoder
from torch import Tensor
from torch.nn import functional
from toy_sam import WIDTH, drawing_sam, random_sam

from model.segmenters.promptable.decoder import FineMaskDecoder, packed
from model.segmenters.sam.networks.decoder_parts import decoder_parts
from model.segmenters.sam.networks.folded_decoder import (
    EVERY,
    SEVERAL,
    SINGLE,
    FoldedDecoder,
    Scored,
    decoder_dtype,
)

CELLS = (8, 8)


def inputs(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Features, places and the prompts of five points."""
    random = torch.Generator().manual_seed(1)
    features, places = torch.randn(2, WIDTH, *CELLS, generator=random, dtype=dtype)
    return features, places, torch.randn(5, 2, WIDTH, generator=random, dtype=dtype)


def reference(  # type: ignore[no-untyped-def]
    decoder: MaskDecoder, features: Tensor, places: Tensor, prompts: Tensor, several: bool = True
) -> Any:
    dense = torch.zeros(len(prompts), WIDTH, *CELLS, dtype=features.dtype)
    return decoder(
        image_embeddings=features[None],
        image_pe=places[None],
        sparse_prompt_embeddings=prompts,
        dense_prompt_embeddings=dense,
        multimask_output=several,
    )


PRECISIONS = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def assert_said(folded: FoldedDecoder, scored: Scored, decoder: MaskDecoder, expected: Any) -> None:
    """The masks and the qualities that the decoder gives; qualities are float32."""
    masks, quality = expected
    drawn = folded.draw(scored, torch.arange(len(masks)))
    assert_close(drawn, masks, terms_of(decoder))
    assert_close(
        scored.quality, quality, max(1, terms_of(decoder) * (masks.dtype != torch.float64))
    )


MASKS = pytest.mark.parametrize("several", [True, False])


@PRECISIONS
@MASKS
def test_the_folded_decoder_equals_the_reference(several: bool, dtype: torch.dtype) -> None:
    decoder = drawing_sam().mask_decoder
    folded = FoldedDecoder(decoder_parts(decoder), dtype)
    features, places, prompts = inputs(dtype)
    expected = reference(decoder.to(dtype), features, places, prompts, several)
    scored = folded.score(folded.scene(features, places), prompts, SEVERAL if several else SINGLE)
    assert_said(folded, scored, decoder, expected)


def test_every_mask_is_the_single_one_and_the_others() -> None:
    decoder = drawing_sam().mask_decoder
    folded = FoldedDecoder(decoder_parts(decoder))
    features, places, prompts = inputs(torch.float32)
    scene, rows = folded.scene(features, places), torch.arange(5)
    every, single, several = (
        folded.score(scene, prompts, wanted) for wanted in (EVERY, SINGLE, SEVERAL)
    )
    both = torch.cat([single.quality, several.quality], dim=1)
    assert_close(every.quality, both, terms_of(decoder))
    drawn = torch.cat([folded.draw(scored, rows) for scored in (single, several)], dim=1)
    assert_close(folded.draw(every, rows), drawn, terms_of(decoder))


def test_masks_of_some_points_and_without_padding_are_those_of_all() -> None:
    decoder = random_sam().mask_decoder
    folded = FoldedDecoder(decoder_parts(decoder))
    features, places, prompts = inputs(torch.float32)
    masks, _ = reference(decoder, features, places, prompts)
    scored = folded.score(folded.scene(features, places), prompts)
    some = folded.draw(scored, torch.tensor([3, 1]), height=5)
    assert some.shape == (2, 3, 20, 32)
    assert_close(some, masks[[3, 1], :, :20], terms_of(decoder))


@PRECISIONS
@MASKS
def test_fine_features_are_added_as_the_reference_adds_them(
    several: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    decoder = FineMaskDecoder(WIDTH, heads=4, mlp=96, quality=32).eval().requires_grad_(False)
    folded = FoldedDecoder(decoder_parts(decoder), dtype)
    features, places, prompts = inputs(dtype)
    middle = torch.randn(WIDTH // 4, 16, 16, dtype=dtype)
    fine = torch.randn(WIDTH // 8, 32, 32, dtype=dtype)
    embedding = packed(features[None], middle[None], fine[None])[0]
    expected = reference(decoder.to(dtype), embedding, places, prompts, several)
    scene = folded.scene(features, places, [middle, fine])
    scored = folded.score(scene, prompts, SEVERAL if several else SINGLE)
    assert_said(folded, scored, decoder, expected)


def test_in_bfloat16_tokens_stay_wide_and_masks_keep_their_side() -> None:
    decoder = random_sam().mask_decoder
    folded = FoldedDecoder(decoder_parts(decoder), torch.bfloat16)
    features, places, prompts = inputs(torch.float32)
    masks, quality = reference(decoder, features, places, prompts)
    scored = folded.score(folded.scene(features, places), prompts)
    drawn = folded.draw(scored, torch.arange(5))
    assert drawn.dtype == torch.float32
    alike = functional.cosine_similarity(drawn.flatten(1), masks.flatten(1))
    assert alike.min() > 0.999
    assert (scored.quality - quality).abs().max() < 2e-3


@pytest.mark.parametrize(
    ("dtype", "device", "expected"),
    [
        (torch.bfloat16, "cpu", torch.float32),
        (torch.float16, "cpu", torch.float32),
        (torch.float64, "cpu", torch.float64),
        (torch.bfloat16, "cuda", torch.bfloat16),
        (torch.float16, "cuda:1", torch.float16),
    ],
)
def test_a_cpu_decodes_in_float32_at_least(
    dtype: torch.dtype, device: str, expected: torch.dtype
) -> None:
    assert decoder_dtype(dtype, torch.device(device)) == expected


def test_parts_are_copies() -> None:
    decoder = random_sam().mask_decoder
    folded = FoldedDecoder(decoder_parts(decoder))
    features, places, prompts = inputs(torch.float32)
    before = folded.score(folded.scene(features, places), prompts).quality
    for parameter in decoder.parameters():
        parameter.zero_()
    after = folded.score(folded.scene(features, places), prompts).quality
    assert torch.equal(before, after)


def test_compiled_it_says_the_same() -> None:
    decoder = random_sam().mask_decoder
    features, places, prompts = inputs(torch.float32)
    said = []
    for compiler in (None, "eager"):  # traced as for any compiler, and run as it is
        folded = FoldedDecoder(decoder_parts(decoder), compiler=compiler)
        scored = folded.score(folded.scene(features, places), prompts)
        said.append((scored.quality, folded.draw(scored, torch.arange(2))))
    for one, other in zip(*said, strict=True):
        assert_close(one, other, terms_of(decoder))
