import math

import torch
from closeness import assert_close
from torch import Tensor

from model.training.losses.mask_losses import (
    best_hypothesis,
    dice_loss,
    focal_loss,
    iou_loss,
    overlaps,
)


def drawn() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 5, generator=random) * 3
    return logits, torch.rand(3, 4, 5, generator=random)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_focal_equals_its_naive_twin() -> None:
    logits, targets = drawn()
    for n in range(3):
        total = 0.0
        for x, t in zip(logits[n].flatten().tolist(), targets[n].flatten().tolist(), strict=True):
            p = sigmoid(x)
            total -= abs(p - t) ** 2 * (t * math.log(p) + (1 - t) * math.log(1 - p))
        assert_close(focal_loss(logits, targets)[n], total / 20, terms=20 + 6)


def test_dice_equals_its_naive_twin() -> None:
    logits, targets = drawn()
    for n in range(3):
        common = both = 0.0
        for x, t in zip(logits[n].flatten().tolist(), targets[n].flatten().tolist(), strict=True):
            common += sigmoid(x) * t
            both += sigmoid(x) + t
        expected = 1 - (2 * common + 1) / (both + 1)
        assert_close(dice_loss(logits, targets)[n], expected, terms=3 * 20, scale=1)


def test_right_masks_cost_nothing_and_wrong_ones_much() -> None:
    targets = torch.zeros(1, 8, 8)
    targets[:, 2:6, 2:6] = 1
    right = (targets - 0.5) * 40
    assert float(dice_loss(right, targets)) < 1e-3
    assert float(focal_loss(right, targets)) < 1e-3
    assert float(dice_loss(-right, targets)) > 0.9
    assert float(focal_loss(-right, targets)) > 10


def test_overlaps_equal_sets() -> None:
    logits, targets = drawn()
    table = overlaps(logits, targets)
    for n in range(3):
        for m in range(3):
            ours = {i for i, x in enumerate(logits[n].flatten().tolist()) if x > 0}
            true = {i for i, t in enumerate(targets[m].flatten().tolist()) if t > 0.5}
            assert_close(table[n, m], len(ours & true) / len(ours | true), terms=2)
    assert float(overlaps(torch.full((1, 2, 2), -1.0), torch.zeros(1, 2, 2))) == 0
    several = overlaps(torch.stack([logits, -logits]), torch.stack([targets, targets]))
    assert_close(several, torch.stack([table, overlaps(-logits, targets)]), terms=2)


def test_only_the_best_of_three_learns() -> None:
    assert best_hypothesis(torch.tensor([[0.1, 0.7, 0.3], [0.9, 0.2, 0.1]])).tolist() == [1, 0]


def test_unknown_overlaps_count_nothing() -> None:
    estimates = torch.tensor([[0.3, -1.2, 2.0], [0.0, 0.4, -0.4]], requires_grad=True)
    iou = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.2, 0.8]])
    known = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    loss = iou_loss(estimates, iou, known)
    terms = []
    for x, t in ((0.3, 0.9), (-1.2, 0.1), (0.4, 0.2)):
        terms.append(-t * math.log(sigmoid(x)) - (1 - t) * math.log(1 - sigmoid(x)))
    assert_close(loss, sum(terms) / 3, terms=3 + 4)
    loss.backward()
    assert estimates.grad is not None
    assert ((estimates.grad != 0) == (known > 0)).all()
    assert iou_loss(estimates, iou, torch.zeros(2, 3)).item() == 0
