import math

import numpy as np
import pytest
from closeness import assert_close

from model.masks.segments import Segments
from model.referring.geometry import EXTREMES, PLACES, RELATIONS, between, boxes_of

BOXES = np.random.default_rng(3).random((9, 4))
BOXES[:, 2:] = BOXES[:, :2] + 0.02 + BOXES[:, 2:] * (1 - BOXES[:, :2])
A, B = BOXES[:4], BOXES[4:]


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def centre(box: np.ndarray) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def near(a: np.ndarray, b: np.ndarray) -> float:
    across = max(a[0] - b[2], b[0] - a[2], 0)
    down = max(a[1] - b[3], b[1] - a[3], 0)
    return math.exp(-math.hypot(across, down) / 0.05)


def area(box: np.ndarray) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def common(a: np.ndarray, b: np.ndarray) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return max(across, 0) * max(down, 0)


def larger(a: np.ndarray, b: np.ndarray) -> float:
    return sigmoid((math.log(area(a)) - math.log(area(b))) / 0.2)


def on(a: np.ndarray, b: np.ndarray) -> float:
    over = max(min(a[2], b[2]) - max(a[0], b[0]), 0) / min(a[2] - a[0], b[2] - b[0])
    return over * sigmoid((b[3] - a[3]) / 0.03) * near(a, b)


NAIVE = {
    "left": lambda a, b: sigmoid((centre(b)[0] - centre(a)[0]) / 0.03),
    "right": lambda a, b: sigmoid((centre(a)[0] - centre(b)[0]) / 0.03),
    "above": lambda a, b: sigmoid((centre(b)[1] - centre(a)[1]) / 0.03),
    "below": lambda a, b: sigmoid((centre(a)[1] - centre(b)[1]) / 0.03),
    "near": near,
    "between": near,
    "on": on,
    "in": lambda a, b: common(a, b) / area(a) * larger(b, a),
    "of": lambda a, b: common(a, b) / area(a) * larger(b, a),
    "wearing": lambda a, b: common(a, b) / area(b) * larger(a, b),
    "with": lambda a, b: near(a, b) / 2 + common(a, b) / area(b) / 2,
    "behind": lambda a, b: near(a, b) * sigmoid((b[3] - a[3]) / 0.03),
    "front": lambda a, b: near(a, b) * sigmoid((a[3] - b[3]) / 0.03),
    "larger": larger,
    "smaller": lambda a, b: larger(b, a),
}


@pytest.mark.parametrize("kind", RELATIONS)
def test_relations_are_those_of_each_pair(kind: str) -> None:
    expected = np.array([[NAIVE[kind](a, b) for b in B] for a in A])
    # an exponent is at most 50, of a shift by few hundredths
    assert_close(RELATIONS[kind](A, B), expected, 50 * 40, scale=1.0)


def test_between_is_that_of_each_three() -> None:
    found = between(A, B, BOXES[:3])
    for i, a in enumerate(A):
        for j, b in enumerate(B):
            for k, c in enumerate(BOXES[:3]):
                p, q, r = (np.array(centre(box)) for box in (a, b, c))
                along = (p - q) @ (r - q) / ((r - q) @ (r - q))
                aside = np.linalg.norm(p - q - along * (r - q))
                expected = sigmoid(along / 0.1) * sigmoid((1 - along) / 0.1)
                assert found[i, j, k] == pytest.approx(expected * math.exp(-aside / 0.15), abs=1e-9)


def test_what_is_said_of_one_holds_the_other_way_round() -> None:
    for kind, other in (("left", "right"), ("above", "below"), ("larger", "smaller")):
        np.testing.assert_allclose(RELATIONS[kind](A, B), RELATIONS[other](B, A).T, atol=1e-12)


def test_extremes_and_places_are_higher_where_they_are_more_so() -> None:
    boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.4, 0.3, 0.7, 0.9]])
    areas = np.array([0.01, 0.15])
    for name in ("left", "top", "small", "short", "narrow", "far"):
        assert EXTREMES[name](boxes, areas).argmax() == 0
    for name in ("right", "bottom", "large", "tall", "wide", "near"):
        assert EXTREMES[name](boxes, areas).argmax() == 1
    assert PLACES["middle"](boxes, areas).argmax() == 1
    assert PLACES["background"](boxes, areas).argmax() == 0


def test_boxes_are_shares_of_the_photo() -> None:
    masks = np.zeros((1, 10, 40), np.bool_)
    masks[0, 5:, 10:20] = True
    assert boxes_of(Segments.from_masks(masks)).tolist() == [[0.25, 0.5, 0.5, 1.0]]
    assert boxes_of(Segments.empty((10, 40))).shape == (0, 4)
