"""AdamW's groups of parameters: decayed or not, each by its own share of the rate."""

from __future__ import annotations

from typing import Any

from torch import nn

from model.errors import TrainingError
from model.training.loop.network_state import trained
from model.training.loop.settings import TrainerSettings
from model.training.loop.task import Task


def parameter_groups(task: Task, settings: TrainerSettings) -> list[dict[str, Any]]:
    """Groups of all that a task trains; `peak` of each is its highest rate.

    Raises:
        TrainingError: the task trains nothing.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in trained(task.network):
        key = (task.rate(name), parameter.ndim > 1)
        groups.setdefault(key, []).append(parameter)
    if not groups:
        raise TrainingError(f"{type(task).__name__} has no parameter that is trained")
    return [
        {
            "params": parameters,
            "peak": settings.lr * rate,
            "weight_decay": settings.weight_decay if decayed else 0.0,
        }
        for (rate, decayed), parameters in groups.items()
    ]
