"""The kinds of tasks that a recipe may name, loaded on use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.training.loop.task import Task


@dataclass(frozen=True)
class TaskContext:
    """What every task is built with, besides its own settings.

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


def _segment_head() -> TaskKind:
    from model.training.segment_head.task import head_kind

    return head_kind()


def _masks() -> TaskKind:
    from model.training.dense_masks.task import mask_kind

    return mask_kind()


def _prompts() -> TaskKind:
    from model.training.prompts.task import prompt_kind

    return prompt_kind()


def _towers() -> TaskKind:
    from model.training.towers.task import tower_kind

    return tower_kind()


KINDS: Mapping[str, Callable[[], TaskKind]] = {
    "masks": _masks,
    "prompts": _prompts,
    "segment-head": _segment_head,
    "towers": _towers,
}
