from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from model.masks import rle
from model.masks.runs import area_of, compressed, covered, runs_of

some_masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=60))


@given(some_masks)
def test_the_area_is_that_of_the_mask(mask: np.ndarray) -> None:
    (counts,) = rle.encode(mask[None])
    assert area_of(counts, mask.shape) == mask.sum()


@given(some_masks)
def test_the_runs_make_the_mask(mask: np.ndarray) -> None:
    (counts,) = rle.encode(mask[None])
    runs = runs_of(counts)
    columns = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    assert np.array_equal(columns.reshape(mask.shape[::-1]).T, mask)


def test_a_large_mask_is_measured() -> None:
    mask = np.zeros((4000, 6000), np.bool_)
    mask[10:3990, 20:5000] = True
    (counts,) = rle.encode(mask[None])
    assert area_of(counts, mask.shape) == mask.sum()


@given(some_masks)
def test_another_size_is_told(mask: np.ndarray) -> None:
    (counts,) = rle.encode(mask[None])
    with pytest.raises(ValueError, match="do not fit"):
        area_of(counts, (mask.shape[0] + 1, mask.shape[1]))


@given(st.binary(max_size=50))
def test_any_bytes_are_measured_or_refused(counts: bytes) -> None:
    try:
        area = area_of(counts, (8, 9))
    except ValueError:
        return
    assert 0 <= area <= 72


@given(some_masks)
def test_runs_are_compressed_as_coco_does(mask: np.ndarray) -> None:
    (expected,) = rle.encode(mask[None])
    columns = np.concatenate([[0], mask.T.ravel(), [0]]).astype(np.int8)
    starts, ends = (np.flatnonzero(np.diff(columns) == step) for step in (1, -1))
    assert compressed(starts, ends, mask.shape) == expected


def test_runs_that_touch_are_one_and_long_ones_are_told() -> None:
    starts, ends = np.array([10, 4000, 9000]), np.array([4000, 7777, 3000 * 5000])
    counts = compressed(starts, ends, (3000, 5000))
    assert runs_of(counts).tolist() == [10, 7767, 1223, 3000 * 5000 - 9000]


def naive_area(counts: bytes, pixels: int) -> int:
    """What COCO's own decoder does, a character at a time; -1 where it would go astray."""
    runs: list[int] = []
    place = 0
    while place < len(counts):
        value = digits = 0
        more = True
        while more:
            if place == len(counts) or not 0 <= counts[place] - 48 < 64 or digits == 7:
                return -1
            character = counts[place] - 48
            value |= (character & 31) << (5 * digits)
            more = bool(character & 32)
            place, digits = place + 1, digits + 1
            if not more and character & 16:
                value |= -1 << (5 * digits)
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    if not runs or min(runs) < 0 or sum(runs) != pixels:
        return -1
    return sum(runs[1::2])


harmed = st.tuples(
    some_masks, st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=3)
)


@given(st.lists(st.one_of(harmed, st.binary(max_size=20)), max_size=8))
def test_many_are_judged_at_once_as_one_by_one(
    drawn: list[bytes | tuple[np.ndarray, list[tuple[int, int]]]],
) -> None:
    counts, pixels = [], []
    for each in drawn:
        if isinstance(each, bytes):
            counts.append(each)
            pixels.append(12)
            continue
        mask, flips = each
        run = bytearray(rle.encode(mask[None])[0])
        for where, byte in flips:
            run[where % len(run)] = byte
        counts.append(bytes(run))
        pixels.append(mask.size)
    found = covered(counts, np.array(pixels, np.int64))
    assert found.tolist() == [naive_area(c, p) for c, p in zip(counts, pixels, strict=True)]


def test_runs_of_any_number_of_digits_do_no_harm() -> None:
    for digits in range(1, 40):
        counts = (b"o" * digits + b"0", b"14", b"P" * digits + b"0")
        found = covered(counts, np.array([5, 5, 5], np.int64))
        assert found.tolist() == [naive_area(c, 5) for c in counts]
        assert found[1] == 4


def test_a_number_without_an_end_is_told_of_its_own_mask_alone() -> None:
    mask = np.zeros((1, 40, 40), np.bool_)
    mask[0, 10:20, 30:] = True
    (counts,) = rle.encode(mask)
    found = covered((b"o" * 6, counts, b"q", counts), np.full(4, 1600, np.int64))
    assert found.tolist() == [-1, 100, -1, 100]
