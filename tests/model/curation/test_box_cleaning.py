"""Which boxes are kept, against a version that compares them one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.curation.box_cleaning import (
    DOUBLE,
    EMPTY,
    EVERYTHING,
    SURPLUS,
    UNSURE,
    BoxCleaning,
    box_iou,
)
from model.curation.records import Box, Caption, Phrase

CAPTION = Caption("a cat and a dog", "scene", "toy")
PHRASES = [Phrase(head, head, (0, 3), "", CAPTION) for head in ("cat", "dog")]
Corners = tuple[float, float, float, float]


def box(xyxy: Corners, score: float = 0.5, phrase: int = 0) -> Box:
    return Box(xyxy, PHRASES[phrase], score, "toy", (PHRASES[phrase].head,))


CAT = box((0.1, 0.1, 0.5, 0.5), 0.9)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (box((0.6, 0.6, 0.9, 0.9), 0.24), UNSURE),
        (box((0.0, 0.01, 1.0, 0.97), 0.8), EVERYTHING),
        (box((0.4, 0.4, 0.4, 0.9), 0.8), EMPTY),
        (box((0.1, 0.1, 0.5, 0.49), 0.8), DOUBLE),
        (box((0.1, 0.1, 0.5, 0.49), 0.8, phrase=1), None),
        (box((0.1, 0.1, 0.5, 0.4), 0.8), None),
        (box((0.0, 0.0, 1.0, 0.95), 0.25), None),
    ],
)
def test_a_box_is_dropped_for_a_reason(other: Box, reason: str | None) -> None:
    kept, lost = BoxCleaning().cleaned([other, CAT])
    assert kept == ((CAT,) if reason else (other, CAT))
    assert [(loss.what, loss.reason, loss.box) for loss in lost] == (
        [("cat", reason, other.xyxy)] if reason else []
    )


def test_a_phrase_keeps_its_best_boxes() -> None:
    apart = [box((i / 10, 0, i / 10 + 0.05, 1), score=0.3 + i / 20) for i in range(9)]
    others = [replace(one, phrase=PHRASES[1]) for one in apart[:2]]
    kept, lost = BoxCleaning(most=3).cleaned([*apart, *others])
    assert kept == (*apart[-3:], *others)
    assert {loss.reason for loss in lost} == {SURPLUS}
    assert len(lost) == 6


def test_nothing_is_kept_of_nothing() -> None:
    assert BoxCleaning().cleaned([]) == ((), ())


def overlap(one: Corners, other: Corners) -> float:
    across = max(min(one[2], other[2]) - max(one[0], other[0]), 0)
    down = max(min(one[3], other[3]) - max(one[1], other[1]), 0)
    areas = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other))
    return across * down / (areas - across * down)


eighths = st.integers(0, 7).map(lambda n: n / 8)
corners = st.tuples(eighths, eighths, eighths, eighths).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]) + 0.125, max(c[1], c[3]) + 0.125)
)
found = st.lists(
    st.builds(box, corners, st.integers(0, 100).map(lambda n: n / 100), st.integers(0, 1)),
    max_size=12,
)


@given(found, st.integers(1, 4))
@settings(max_examples=100)
def test_the_kept_boxes_are_those_of_the_naive_version(boxes: list[Box], most: int) -> None:
    rules = BoxCleaning(overlap=0.5, most=most)
    expected: list[int] = []
    for number in sorted(range(len(boxes)), key=lambda n: -boxes[n].score):
        one = boxes[number]
        own = [boxes[other] for other in expected if boxes[other].phrase == one.phrase]
        x0, y0, x1, y1 = one.xyxy
        sound = one.score >= 0.25 and (x1 - x0) * (y1 - y0) <= 0.95
        if sound and len(own) < most and all(overlap(one.xyxy, o.xyxy) <= 0.5 for o in own):
            expected.append(number)
    kept, lost = rules.cleaned(boxes)
    assert kept == tuple(boxes[number] for number in sorted(expected))
    assert len(kept) + len(lost) == len(boxes)


@given(st.lists(corners, min_size=1, max_size=5))
@settings(max_examples=40)
def test_overlaps_are_intersections_over_unions(boxes: list[Corners]) -> None:
    expected = [[overlap(one, other) for other in boxes] for one in boxes]
    np.testing.assert_allclose(box_iou(np.array(boxes)), expected, rtol=1e-12)
