import numpy as np
import pytest

from model.evaluation.referring.metrics import THRESHOLDS, overlap, overlaps
from model.masks import rle

SIZE = (9, 14)


def test_figures_are_those_of_the_masks() -> None:
    random = np.random.default_rng(1)
    meant = random.random((12, *SIZE)) < 0.6
    chosen = meant ^ (random.random((12, *SIZE)) < random.random((12, 1, 1)) / 2)
    coded = zip(rle.encode(chosen), rle.encode(meant), strict=True)
    found = overlaps([*(overlap(c, m, SIZE) for c, m in coded), overlap(None, *one(meant[0]))])
    common, union = [], []
    for c, m in [*zip(chosen, meant, strict=True), (np.zeros(SIZE, np.bool_), meant[0])]:
        common.append(int((c & m).sum()))
        union.append(int((c | m).sum()))
    assert found.common.tolist() == common
    assert found.union.tolist() == union
    assert found.overall_iou() == sum(common) / sum(union)
    each = [a / b for a, b in zip(common, union, strict=True)]
    assert found.mean_iou() == pytest.approx(sum(each) / len(each))
    for threshold in THRESHOLDS:
        assert found.precision(threshold) == sum(iou >= threshold for iou in each) / len(each)


def one(mask: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    return rle.encode(mask[None])[0], SIZE


def test_nothing_chosen_scores_nothing_and_counts_in_the_union() -> None:
    whole = np.ones(SIZE, np.bool_)
    assert overlap(None, *one(whole)) == (0.0, float(whole.size))
    both = overlaps([overlap(None, *one(whole)), overlap(one(whole)[0], *one(whole))])
    assert both.overall_iou() == 0.5
    assert both[np.array([True, False])].mean_iou() == 0
