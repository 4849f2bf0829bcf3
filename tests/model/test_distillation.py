import math

import pytest
import torch

from model.training.distillation import distillation_loss


def naive(pupil: torch.Tensor, teacher: torch.Tensor, cosine: float, squared: float) -> float:
    total = 0.0
    for one, other in zip(pupil.tolist(), teacher.tolist(), strict=True):
        dot = sum(a * b for a, b in zip(one, other, strict=True))
        lengths = math.sqrt(sum(a * a for a in one)) * math.sqrt(sum(b * b for b in other))
        apart = sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / len(one)
        total += cosine * (1 - dot / lengths) + squared * apart
    return total / len(pupil)


@pytest.mark.parametrize(("cosine", "squared"), [(1.0, 1.0), (1.0, 0.0), (0.0, 2.0)])
def test_loss_equals_the_naive_sum(cosine: float, squared: float) -> None:
    torch.manual_seed(0)
    pupil, teacher = torch.randn(5, 7), torch.randn(5, 7)
    loss = distillation_loss(pupil, teacher, cosine, squared)
    assert loss.item() == pytest.approx(naive(pupil, teacher, cosine, squared), rel=1e-5)


def test_the_teacher_is_not_taught() -> None:
    pupil, teacher = (torch.randn(3, 4, requires_grad=True) for _ in range(2))
    distillation_loss(pupil, teacher).backward()
    assert pupil.grad is not None
    assert teacher.grad is None
    assert distillation_loss(teacher, teacher).item() == pytest.approx(0, abs=1e-6)
