"""The learning rate over a training, as a share of the highest."""

from __future__ import annotations

import math

from model.training.loop.settings import TrainerSettings

START = 1 / 25  # of one-cycle
END = 1e-4


def rate_share(step: int, settings: TrainerSettings) -> float:
    """The share at a step (0 … steps - 1), in (0, 1]; a function of nothing else."""
    warm = round(settings.steps * settings.warmup)
    rest = (step - warm) / max(settings.steps - warm, 1)
    if settings.schedule == "one-cycle":
        if step < warm:
            return _between(START, 1.0, step / warm)
        return _between(1.0, END, rest)
    if step < warm:
        return (step + 1) / warm
    if settings.schedule == "constant":
        return 1.0
    return _between(1.0, 0.0, rest)


def _between(start: float, end: float, share: float) -> float:
    """Value from start to end along half a cosine."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))
