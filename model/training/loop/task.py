"""Task that a recipe trains: a network, its data, its loss and its measure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

Batch = Any  # a tensor, or a dataclass, mapping, list or tuple of batches; the rest is passed on


class Task(ABC):
    """Everything about one training that is not the trainer's affair.

    The trainer seeds Python, NumPy and torch before it builds a task, and again before every call
    of `loss`, from the recipe's seed and the step: dropout and other draws there are repeated
    exactly when a run is resumed.

    Attributes:
        network: network to train. Parameters with `requires_grad` are trained and saved, and all
            buffers; frozen towers may be part of it or not. Parts without such a parameter stay in
            evaluation mode throughout.
    """

    network: nn.Module

    @abstractmethod
    def batches(self, epoch_seed: int) -> Iterable[Batch]:
        """One epoch: batches that depend on the seed alone, the same in every process.

        Where several processes train, each takes its share of the batches. A sequence (with
        `__len__` and `__getitem__`) is resumed at once; anything else is read again up to the
        place. Tensors are moved to the network's device by the trainer.
        """

    @abstractmethod
    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Named scalars of one batch: "loss" is minimised, the others are shown.

        Called under the recipe's precision: what needs all digits leaves autocast by itself.
        Terms that compare rows across a batch see other processes' rows through
        `model.training.loop.distributed.gathered`.
        """

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Metrics on the split `val`, by name.

        Called in one process only, in evaluation mode, without gradients and autocast, and with
        the averaged weights where the recipe averages.
        """

    @abstractmethod
    def export(self, folder: Path) -> None:
        """Write what the recipe is for: the network's best (or last) weights as safetensors."""

    def rate(self, parameter: str) -> float:
        """Learning rate of a parameter (by its name in the network), as a share of the recipe's."""
        return 1.0


@dataclass(frozen=True)
class TaskContext:
    """Surroundings that every task is built with, besides its own settings.

    Attributes:
        data: the folder that `--data` names.
        cache: folder for features of frozen towers.
        batch: [trainer] batch, examples a batch.
        seed: [trainer] seed.
        tell: takes a line for people, as while features are made.
    """

    data: Path
    cache: Path
    batch: int
    seed: int
    tell: Callable[[str], None]


@dataclass(frozen=True)
class TaskKind:
    """A kind of task.

    Attributes:
        settings: the frozen dataclass of its keys in [task], besides `kind`.
        build: makes the task from such settings.
    """

    settings: type[Any]
    build: Callable[[Any, TaskContext], Task]
