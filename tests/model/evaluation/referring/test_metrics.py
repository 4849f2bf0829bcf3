import numpy as np
import pytest

from model.evaluation.referring.metrics import MEASURES, THRESHOLDS, overlap, overlaps
from model.masks import rle

SIZE = (9, 14)


def figures(chosen: list[np.ndarray | None], meant: list[np.ndarray], best: list) -> dict:
    """The measures of masks, through run lengths."""
    pairs = [
        [
            overlap(None if mask is None else coded(mask), coded(target), SIZE)
            for mask, target in zip(of, meant, strict=True)
        ]
        for of in (chosen, best)
    ]
    ratios = overlaps(pairs[0]).ratios(overlaps(pairs[1]))
    return {name: ratio.value for name, ratio in ratios.items()}


def coded(mask: np.ndarray) -> bytes:
    return rle.encode(mask[None])[0]


def test_figures_are_those_of_the_masks() -> None:
    random = np.random.default_rng(1)
    meant, candidates, chosen, best = [], [], [], []
    for _ in range(12):
        target = random.random(SIZE) < 0.6
        masks = [target ^ (random.random(SIZE) < random.random() / 2) for _ in range(3)]
        meant.append(target)
        candidates.append(masks)
        chosen.append(int(random.integers(3)))
        best.append(int(np.argmax([iou(mask, target) for mask in masks])))
    # of two masks that fit alike either is the best
    candidates[0][chosen[0]] = candidates[0][best[0]].copy()
    picked = [masks[i] for masks, i in zip(candidates, chosen, strict=True)]
    ideal = [masks[i] for masks, i in zip(candidates, best, strict=True)]
    meant.append(meant[0])  # a photo without masks
    found = figures([*picked, None], meant, [*ideal, None])

    common, union, right = [0], [int(meant[0].sum())], [False]
    for mask, target, masks in zip(picked, meant[:-1], candidates, strict=True):
        common.append(int((mask & target).sum()))
        union.append(int((mask | target).sum()))
        right.append(all(iou(mask, target) >= iou(other, target) for other in masks))
    each = [a / b for a, b in zip(common, union, strict=True)]
    assert 1 < sum(right) < 12
    assert tuple(found) == MEASURES
    assert found["oIoU"] == sum(common) / sum(union)
    assert found["mIoU"] == pytest.approx(sum(each) / 13)
    for threshold in THRESHOLDS:
        assert found[f"Pr@{threshold}"] == sum(one >= threshold for one in each) / 13
    assert found["MC-Acc"] == sum(right) / 13
    assert found["CC-oIoU"] == sum(np.array(common)[right]) / sum(np.array(union)[right])


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_nothing_chosen_scores_nothing_and_counts_in_the_union() -> None:
    whole = np.ones(SIZE, np.bool_)
    assert overlap(None, coded(whole), SIZE) == (0.0, float(whole.size))
    both = figures([None, whole], [whole, whole], [None, whole])
    assert (both["oIoU"], both["MC-Acc"], both["CC-oIoU"]) == (0.5, 0.5, 1)


def test_masks_that_all_miss_are_no_right_choice() -> None:
    left, right = np.zeros((2, *SIZE), np.bool_)
    left[:, :5], right[:, 8:] = True, True
    missed = figures([left], [right], [left])
    assert (missed["MC-Acc"], missed["CC-oIoU"]) == (0, None)
