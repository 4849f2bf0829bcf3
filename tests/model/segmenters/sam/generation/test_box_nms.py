from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import nms

from model.segmenters.sam.generation.box_nms import best_distinct, distinct_boxes
from model.segmenters.sam.generation.candidates import Candidate
from model.segmenters.sam.generation.upsampling import Enlarged, Piece

NOTHING = Piece(np.zeros((0, 0), np.float32), (0, 0), (slice(0, 0), slice(0, 0)))


def some_boxes(seed: int, count: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    low, sides = random.integers(0, 30, (count, 2)), random.integers(0, 25, (count, 2))
    return np.concatenate([low, low + sides], axis=1)


@settings(max_examples=80)
@given(st.integers(0, 9999), st.integers(0, 60), st.sampled_from([0.3, 0.7, 0.95]))
def test_suppression_equals_torchvision(seed: int, count: int, overlap: float) -> None:
    boxes = some_boxes(seed, count)
    scores = np.random.default_rng(seed).integers(0, 9, count) / 8  # with ties
    tensors = torch.tensor(boxes).view(-1, 4).float(), torch.tensor(scores).float()
    expected = nms(*tensors, overlap).tolist()
    told = [tuple(box) for box in boxes.tolist()]
    assert distinct_boxes(told, scores.tolist(), overlap) == expected


@settings(max_examples=80)
@given(st.integers(0, 9999), st.integers(1, 60), st.integers(0, 6))
def test_ranges_of_boxes_spare_work_and_change_nothing(seed: int, count: int, loose: int) -> None:
    random = np.random.default_rng(seed)
    boxes, scores = some_boxes(seed, count), random.permutation(count) / count
    stable = random.random(count) < 0.7
    asked: list[int] = []

    def enlarge(candidate: Candidate) -> Enlarged:
        asked.append(candidate.number)
        box = tuple(boxes[candidate.number].tolist())
        return Enlarged(box, 1, float(stable[candidate.number]), b"")

    step = np.array([loose, loose, -loose, -loose])
    offered = [
        Candidate(number, scores[number], (0, 0), NOTHING, tuple(box + step), tuple(box - step))
        for number, box in enumerate(boxes)
    ]
    kept = best_distinct(offered, enlarge, lambda mask: mask.stability > 0.5, 0.7)
    left = torch.tensor(np.flatnonzero(stable))
    chosen = nms(torch.tensor(boxes)[left].float(), torch.tensor(scores)[left].float(), 0.7)
    assert [one.candidate.number for one in kept] == left[chosen].tolist()
    assert len(set(asked)) == len(asked)
    if loose == 0 and (boxes[:, :2] < boxes[:, 2:]).all():
        assert len(asked) <= len(kept) + int((~stable).sum())


def test_of_equals_the_first_wins() -> None:
    box = (0, 0, 9, 9)
    mask = Enlarged(box, 100, 1.0, b"")
    first = Candidate(0, 0.9, (0, 0), NOTHING, box, box)
    kept = best_distinct([first, replace(first, number=1)], lambda _: mask, lambda _: True, 0.7)
    assert [one.candidate.number for one in kept] == [0]
