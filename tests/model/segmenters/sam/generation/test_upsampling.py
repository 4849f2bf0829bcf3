from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from closeness import rounding
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from segment_anything.utils.amg import batched_mask_to_box, calculate_stability_score

from model.masks import rle
from model.segmenters.sam.generation import upsampling
from model.segmenters.sam.generation.candidates import ScoredMasks
from model.segmenters.sam.generation.upsampling import Thresholds, enlarged
from model.segmenters.sam.resize_maps import Frame


def cloud(seed: int, cells: int = 16, level: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    soft = ndimage.gaussian_filter(random.standard_normal((cells, cells)), 2)
    return (soft / soft.std() * 4 - level).astype(np.float32)


def only(logits: np.ndarray, frame: Frame, thresholds: Thresholds) -> Any:  # type: ignore[no-untyped-def]
    cut = logits[None, : frame.rows.cells_read, : frame.columns.cells_read]
    judged = ScoredMasks(
        torch.from_numpy(cut),
        torch.tensor([0.5]),
        np.zeros((1, 2)),
        np.array([7]),
        frame,
        thresholds,
        0.0,
    )
    (found,) = judged.candidates()
    return found


@settings(max_examples=60)
@given(
    st.integers(0, 999),
    st.integers(2, 150),
    st.integers(2, 150),
    st.sampled_from([-20.0, 0.0, 3.0, 6.0, 30.0]),
    st.sampled_from([50, 1 << 18]),
)
def test_a_mask_is_measured_as_if_it_were_drawn(
    seed: int, height: int, width: int, level: float, strip: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upsampling, "_STRIP", strip)
        inner = tuple(max(round(64 * length / max(height, width)), 1) for length in (height, width))
        frame = Frame.padded((height, width), (inner[0], inner[1]), 64, 16)
        logits, thresholds = cloud(seed, level=level), Thresholds(0.0, 1.0)
        whole = torch.from_numpy(frame.rows.weights @ logits @ frame.columns.weights.T)[None]
        apart = min(float((whole - level).abs().min()) for level in (-1.0, 0.0, 1.0))
        assume(apart > rounding(logits, terms=4 * 16))  # no pixel's side is a matter of rounding
        found = only(logits, frame, thresholds)
        mask = enlarged(found.piece, frame, thresholds)
    inside = (whole > 0).numpy()
    assert mask.counts(frame.size, frame.size) == rle.encode(inside)[0]
    assert mask.area == inside.sum()
    box = batched_mask_to_box(whole > 0)[0].tolist()
    assert list(mask.box) == box
    np.testing.assert_equal(
        mask.stability, calculate_stability_score(whole, 0.0, 1.0).double().item()
    )
    if mask.area:
        x0, y0, x1, y1 = mask.box
        assert np.all(np.array(found.outer[:2]) <= (x0, y0))
        assert np.all(np.array(found.outer[2:]) >= (x1, y1))


def test_runs_are_told_in_the_photo_that_the_frame_is_cut_from() -> None:
    frame = Frame.stretched((30, 20), (16, 16))
    logits = cloud(3, level=-2)  # touches all borders
    mask = enlarged(only(logits, frame, Thresholds()).piece, frame, Thresholds())
    photo = np.zeros((1, 50, 60), np.bool_)
    inside = frame.rows.weights @ logits @ frame.columns.weights.T > 0
    photo[0, 5:35, 11:31] = inside
    assert inside[0].any()
    assert inside[-1].any()
    assert mask.counts((30, 20), (50, 60), (5, 11)) == rle.encode(photo)[0]


def test_what_cannot_be_stable_is_dropped_and_what_can_is_not() -> None:
    frame = Frame.stretched((60, 60), (16, 16))
    steep = np.where(ndimage.binary_dilation(cloud(1) > 3, iterations=2), 9, -9).astype(np.float32)
    logits = np.stack([steep, steep * 0.01, steep * 0 - 9])
    judged = ScoredMasks(
        torch.from_numpy(logits),
        torch.ones(3),
        np.zeros((3, 2)),
        np.arange(3),
        frame,
        Thresholds(),
        0.9,
    )
    assert [candidate.number for candidate in judged.candidates()] == [0]
