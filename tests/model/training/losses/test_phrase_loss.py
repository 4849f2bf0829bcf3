import math

import pytest
import torch
from closeness import assert_close
from torch.nn.functional import normalize

from model.training.losses.phrase_loss import phrase_loss, smooth_maximum

PHOTOS, MASKS, PHRASES, D = 4, 3, 5, 6


def case(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    masks = normalize(torch.randn(PHOTOS, MASKS, D), dim=2)
    phrases = normalize(torch.randn(PHRASES, D), dim=1)
    positive = torch.rand(PHOTOS, PHRASES) < 0.3
    positive[torch.arange(PHRASES) % PHOTOS, torch.arange(PHRASES)] = True
    return masks, phrases, positive


def naive(
    masks: torch.Tensor, phrases: torch.Tensor, positive: torch.Tensor, scale: float, sharp: float
) -> float:
    def answer(n: int, t: int) -> float:
        told = [math.exp(sharp * float(mask @ phrases[t])) for mask in masks[n]]
        return scale * math.log(sum(told) / len(told)) / sharp

    score = [[answer(n, t) for t in range(PHRASES)] for n in range(PHOTOS)]
    total = 0.0
    for n in range(PHOTOS):
        right = [t for t in range(PHRASES) if positive[n, t]]
        whole = math.log(sum(math.exp(score[n][t]) for t in range(PHRASES)))
        total += sum(whole - score[n][t] for t in right) / len(right) / (2 * PHOTOS)
    for t in range(PHRASES):
        right = [n for n in range(PHOTOS) if positive[n, t]]
        whole = math.log(sum(math.exp(score[n][t]) for n in range(PHOTOS)))
        total += sum(whole - score[n][t] for n in right) / len(right) / (2 * PHRASES)
    return total


@pytest.mark.parametrize("seed", range(5))
def test_loss_equals_the_naive_sum(seed: int) -> None:
    masks, phrases, positive = case(seed)
    loss = phrase_loss(masks, phrases, positive, torch.tensor(1.3), 7.0)
    expected = naive(masks, phrases, positive, math.exp(1.3), 7.0)
    # of a product of rows, sharpened, and of the sums over masks, photos and phrases
    assert_close(loss, expected, (D + MASKS) * 7 + PHOTOS + PHRASES, torch.float32)


def test_between_mean_and_maximum() -> None:
    values = torch.tensor([[0.1, 0.9, -0.5]])
    assert smooth_maximum(values, 1e-4).item() == pytest.approx(values.mean().item(), abs=1e-3)
    assert smooth_maximum(values, 1e3).item() == pytest.approx(0.9, abs=2e-3)


def test_one_mask_that_shows_it_is_enough() -> None:
    phrases = torch.eye(2, 4)
    one = torch.eye(4)[torch.tensor([[0, 2, 3], [3, 2, 1]])]  # one mask of each photo answers
    none = torch.eye(4)[torch.tensor([[3, 2, 3], [3, 2, 2]])]
    positive, scale = torch.eye(2).bool(), torch.tensor(2.0)
    assert phrase_loss(one, phrases, positive, scale, 20.0) < 0.01
    assert phrase_loss(none, phrases, positive, scale, 20.0) == pytest.approx(math.log(2), abs=1e-3)


def test_the_mask_that_answers_best_learns_most() -> None:
    masks, phrases, _ = case(0)
    masks.requires_grad_()
    phrase_loss(masks, phrases[:4], torch.eye(PHOTOS).bool(), torch.tensor(2.0), 50.0).backward()
    assert masks.grad is not None
    best = torch.einsum("nmd,nd->nm", masks, phrases[:4]).argmax(dim=1)
    pulled = (masks.grad * -phrases[:4, None]).sum(dim=2)
    assert torch.equal(pulled.argmax(dim=1), best)


def test_autocast_costs_no_digits() -> None:
    masks, phrases, positive = case(1)
    with torch.autocast("cpu", torch.bfloat16):
        loss = phrase_loss(masks, phrases, positive, torch.tensor(4.0), 20.0)
    assert loss == phrase_loss(masks, phrases, positive, torch.tensor(4.0), 20.0)
