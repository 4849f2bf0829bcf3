import math
from typing import Any

import pytest
import torch
from closeness import assert_close
from torch.nn.functional import normalize

from model.training.losses.contrastive import Temperature, contrastive_loss

TERMS = 4 + 2 * 8  # of a product of rows, and of the sums over rows and columns


def naive(
    segments: torch.Tensor, texts: torch.Tensor, positive: torch.Tensor, log_scale: float
) -> Any:
    n = len(segments)
    score = [
        [math.exp(log_scale) * float(segments[i] @ texts[j]) for j in range(n)] for i in range(n)
    ]
    total = 0.0
    for i in range(n):
        row = math.log(sum(math.exp(score[i][j]) for j in range(n)))
        column = math.log(sum(math.exp(score[j][i]) for j in range(n)))
        right_texts = [j for j in range(n) if positive[i, j]]
        right_segments = [j for j in range(n) if positive[j, i]]
        total += sum(row - score[i][j] for j in right_texts) / len(right_texts) / (2 * n)
        total += sum(column - score[j][i] for j in right_segments) / len(right_segments) / (2 * n)
    return total


@pytest.mark.parametrize("seed", range(5))
def test_loss_equals_the_naive_sum(seed: int) -> None:
    torch.manual_seed(seed)
    segments, texts = normalize(torch.randn(6, 4), dim=1), normalize(torch.randn(6, 4), dim=1)
    positive = torch.eye(6).bool() | (torch.rand(6, 6) < 0.2)
    loss = contrastive_loss(segments, texts, positive, torch.tensor(1.3))
    expected = naive(segments, texts, positive, 1.3)
    assert_close(loss, expected, TERMS, torch.float32)


def test_texts_are_told_from_segments_that_show_none_of_them() -> None:
    torch.manual_seed(0)
    segments, texts, others = (normalize(torch.randn(n, 4), dim=1) for n in (5, 5, 3))
    positive, scale = torch.eye(5).bool(), torch.tensor(1.3)
    loss = contrastive_loss(segments, texts, positive, scale, others)
    logits = scale.exp() * torch.cat([segments, others]) @ texts.T
    by_text = -logits.log_softmax(dim=0)[:5].diagonal().mean()
    by_segment = -logits[:5].log_softmax(dim=1).diagonal().mean()
    assert_close(loss, (by_text + by_segment) / 2, TERMS)


def test_segments_at_their_texts_lose_least() -> None:
    texts = torch.eye(4)
    positive, scale = torch.eye(4).bool(), torch.tensor(3.0)
    right = contrastive_loss(texts, texts, positive, scale)
    assert right < contrastive_loss(texts.roll(1, 0), texts, positive, scale)


def test_the_scale_is_learned_and_bounded() -> None:
    temperature = Temperature()
    assert temperature().exp().item() == pytest.approx(1 / 0.07)
    temperature.log_scale.data.fill_(50.0)
    assert temperature().item() == pytest.approx(4.6)


def test_a_scale_above_its_bound_comes_back_and_rises_no_further() -> None:
    temperature = Temperature()
    temperature.log_scale.data.fill_(4.7)
    optimiser = torch.optim.SGD(temperature.parameters(), lr=0.05)
    seen = []
    for wanted in (5.0, 5.0, 4.0, 4.0, 4.0, 4.0):  # the loss wants it larger, then smaller
        (temperature() - wanted).square().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
        seen.append(temperature.log_scale.item())
        assert temperature().item() < 4.6001
    assert seen[:2] == [pytest.approx(4.7)] * 2
    assert seen[2:] == sorted(seen[2:], reverse=True)
    assert seen[-1] < 4.6


def test_autocast_costs_no_digits() -> None:
    torch.manual_seed(0)
    segments, texts = normalize(torch.randn(6, 4), dim=1), normalize(torch.randn(6, 4), dim=1)
    positive, scale = torch.eye(6).bool(), torch.tensor(4.6)
    with torch.autocast("cpu", torch.bfloat16):
        loss = contrastive_loss(segments, texts, positive, scale)
    assert loss == contrastive_loss(segments, texts, positive, scale)
