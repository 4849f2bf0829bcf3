from __future__ import annotations

from typing import Any

import pytest
import torch
from closeness import assert_close, terms_of
from half_precision import needs_bfloat16
from torch.nn import functional
from toy_sam import SIDE, random_sam

from model.segmenters.sam.networks.image_encoder import (
    ImageEncoder,
    attention_by_blocks,
    fused_attention,
)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_equal_the_reference(dtype: torch.dtype) -> None:
    photos = torch.randn(2, 3, SIDE, SIDE, dtype=dtype)
    reference = random_sam().image_encoder.to(dtype)
    features = ImageEncoder(random_sam().image_encoder, dtype)(photos)
    assert_close(features, reference(photos), terms_of(reference))


@needs_bfloat16
def test_bfloat16_is_close_and_sums_stay_float32() -> None:
    photos = torch.randn(1, 3, SIDE, SIDE)
    expected = random_sam().image_encoder(photos)
    features = ImageEncoder(random_sam().image_encoder, torch.bfloat16)(photos)
    assert features.dtype == torch.float32
    assert functional.cosine_similarity(features.flatten(), expected.flatten(), dim=0) > 0.9999


@pytest.mark.parametrize(("h", "w"), [(3, 5), (14, 14), (18, 16)])
@pytest.mark.parametrize("attention", [attention_by_blocks, fused_attention])
def test_both_attentions_equal_the_table_of_scores(attention: Any, h: int, w: int) -> None:  # type: ignore[no-untyped-def]
    query, key, value = torch.randn(3, 4, h * w, 8, dtype=torch.float64)
    rows, columns = torch.randn(4, h * w, h).double(), torch.randn(4, h * w, w).double()
    scores = (query @ key.transpose(1, 2) / 8**0.5).view(4, h * w, h, w)
    scores = scores + rows[:, :, :, None] + columns[:, :, None, :]
    expected = scores.flatten(2).softmax(dim=-1) @ value
    seen = attention(query, key, value, rows, columns)
    assert_close(seen, expected, terms=8 + h * w)
