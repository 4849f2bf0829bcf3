import numpy as np
import pytest
from closeness import assert_close
from sklearn.metrics import confusion_matrix, jaccard_score

from model.evaluation.semantic.mean_iou import chance_ious, true_segments
from model.evaluation.semantic.pixel_labels import (
    UNJUDGED,
    Confusion,
    class_probabilities,
    label_map,
)
from model.masks import rle

SIZE = (12, 15)


def test_a_class_is_as_near_as_its_nearest_name() -> None:
    segments = np.array([[1.0, 0.0], [0.6, 0.8]], np.float32)
    names = np.array([[0.8, 0.6], [1.0, 0.0], [0.0, 1.0]], np.float32)
    found = class_probabilities(segments, names, np.array([0, 0, 1]), 2.0)
    cosines = np.array([[1.0, 0.0], [0.96, 0.8]])
    expected = np.exp(2 * cosines)
    assert_close(found, expected / expected.sum(axis=1, keepdims=True), 2 + 3, "float32")


@pytest.mark.parametrize("seed", range(3))
def test_every_pixel_takes_the_class_of_the_greatest_sum(seed: int) -> None:
    random = np.random.default_rng(seed)
    drawn = random.random((9, *SIZE)) < 0.25
    drawn[:, 0, 0] = False
    probabilities = random.dirichlet(np.ones(5), 9)
    whole = random.dirichlet(np.ones(5))
    told, covered = label_map(rle.encode(drawn), SIZE, probabilities, whole)
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            over = drawn[:, y, x]
            sums = probabilities[over].sum(axis=0) if over.any() else whole
            assert told[y, x] == sums.argmax()
    assert covered == pytest.approx(drawn.any(axis=0).mean())


def test_without_masks_the_photo_gives_its_class() -> None:
    told, covered = label_map((), SIZE, np.zeros((0, 3)), np.array([0.2, 0.5, 0.3]))
    assert (told == 1).all()
    assert covered == 0


def test_iou_by_hand_and_by_scikit_learn() -> None:
    true = np.array([[0, 0, 1, 1], [0, 1, UNJUDGED, 1]])
    told = np.array([[0, 1, 1, 1], [0, 2, 0, 1]])
    confusion = Confusion(4)
    confusion.add(true, told)
    # class 0: 2 of 3; class 1: 3 of (4 true + 4 told - 3); classes 2 and 3 are nowhere true
    assert confusion.ious()[:2] == pytest.approx([2 / 3, 3 / 5])
    assert np.isnan(confusion.ious()[2:]).all()
    assert confusion.accuracy() == pytest.approx(5 / 7)
    random = np.random.default_rng(0)
    true, told = random.integers(0, 4, (2, 30, 30))
    confusion = Confusion(4)
    for half in (slice(0, 10), slice(10, 30)):
        confusion.add(true[half], told[half])
    np.testing.assert_array_equal(confusion.counts, confusion_matrix(true.ravel(), told.ravel()))
    expected = jaccard_score(true.ravel(), told.ravel(), average=None)
    assert confusion.ious() == pytest.approx(expected)
    assert np.isnan(Confusion(3).accuracy())


def test_chance_is_what_classes_drawn_at_random_reach() -> None:
    random = np.random.default_rng(1)
    true = random.choice(3, 200_000, p=(0.7, 0.2, 0.1))[None]
    confusion = Confusion(3)
    confusion.add(true, random.integers(0, 3, true.shape))
    assert chance_ious(confusion) == pytest.approx(confusion.ious(), abs=0.005)


def test_the_true_masks_of_a_photo_are_its_classes() -> None:
    labels = np.full((4, 6), UNJUDGED)
    assert len(true_segments(labels)) == 0
    labels[:2], labels[2, :3] = 7, 2
    assert true_segments(labels).areas.tolist() == [3, 12]
