"""The endless sequence of a task's batches, from any place in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace

import torch
from torch import Tensor

from model.errors import DataMissing
from model.training.loop.seeds import mixed_seed
from model.training.loop.task import Batch, Task


@dataclass(frozen=True)
class Place:
    """Place of the next batch: its epoch, and its number in the epoch."""

    epoch: int = 0
    position: int = 0


class BatchStream:
    """Epoch after epoch of a task's batches; the order is given by seed and epoch.

    Args:
        task: task that makes the batches.
        seed: the recipe's.
        place: position of the first batch.
        members: processes that share the batches, each taking every `members`-th.
        member: this process's number.
    """

    def __init__(
        self, task: Task, seed: int, place: Place, members: int = 1, member: int = 0
    ) -> None:
        self._task, self._seed = task, seed
        self._members, self._member = members, member
        self._epoch, self._position = place.epoch, 0
        self._batches: Sequence[Batch] | None = None
        self._rest: Iterator[Batch] = iter(())
        self._open()
        for _ in range(place.position):
            self._advance(wanted=False)

    @property
    def place(self) -> Place:
        """Place of the next batch."""
        return Place(self._epoch, self._position)

    def draw(self) -> Batch:
        """This process's next batch; the other processes' are passed over.

        Raises:
            DataMissing: an epoch has no batch.
        """
        drawn: Batch = None
        for member in range(self._members):
            batch = self._advance(wanted=member == self._member)
            if member == self._member:
                drawn = batch
        return drawn

    def _open(self) -> None:
        batches = self._task.batches(mixed_seed(self._seed, self._epoch))
        self._position = 0
        self._batches = batches if isinstance(batches, Sequence) else None
        self._rest = iter(()) if isinstance(batches, Sequence) else iter(batches)

    def _advance(self, wanted: bool) -> Batch:
        while True:
            if self._batches is None:
                for batch in self._rest:
                    self._position += 1
                    return batch
            elif self._position < len(self._batches):
                self._position += 1
                return self._batches[self._position - 1] if wanted else None
            if not self._position:
                raise DataMissing(
                    f"epoch {self._epoch + 1} has no batch",
                    "check the data, or lower [trainer] batch",
                )
            self._epoch += 1
            self._open()


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch with its tensors on a device."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if is_dataclass(batch) and not isinstance(batch, type):
        parts = {f.name: moved(getattr(batch, f.name), device) for f in fields(batch)}
        return replace(batch, **parts)
    if isinstance(batch, dict):
        return {name: moved(value, device) for name, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(moved(value, device) for value in batch)
    return batch
