"""Recipes: what to train and how, one TOML file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.errors import RecipeInvalid, shown
from model.toml_tables import from_table, read_toml
from model.training.loop.seeds import seed_everything
from model.training.loop.settings import TrainerSettings
from model.training.loop.task import Task, TaskContext, TaskKind
from model.training.registry import KINDS


@dataclass(frozen=True)
class Recipe:
    """Recipe: what to train and how.

    Attributes:
        kind: the task's, a key of `KINDS`.
        task: the kind's own settings.
        trainer: settings of the training loop.
        source: the file.
    """

    kind: str
    task: Any
    trainer: TrainerSettings
    source: Path

    @property
    def identity(self) -> dict[str, Any]:
        """Identity of the thing trained, as plain values."""
        return {"task": {"kind": self.kind, **asdict(self.task)}}

    def build(
        self,
        data: Path,
        cache: Path,
        tell: Callable[[str], None],
        kinds: Mapping[str, Callable[[], TaskKind]] = KINDS,
    ) -> Task:
        """The task, its network's first weights given by the seed."""
        seed_everything(self.trainer.seed)
        context = TaskContext(data, cache, self.trainer.batch, self.trainer.seed, tell)
        return kinds[self.kind]().build(self.task, context)


def load_recipe(path: Path, kinds: Mapping[str, Callable[[], TaskKind]] = KINDS) -> Recipe:
    """The recipe in a file: [task] with its `kind`, and [trainer].

    Raises:
        RecipeInvalid: there is none, or it is not understood; the message names the key.
    """
    try:
        table = read_toml(path)
    except OSError as error:
        raise RecipeInvalid(
            f"the recipe {shown(path)} cannot be read ({error.strerror})",
            "name a recipe's TOML file, as those in recipes/",
        ) from error
    except ValueError as error:
        raise RecipeInvalid(f"{shown(path)} is no TOML ({error})", "mend the file") from error
    try:
        return _recipe(table, path, kinds)
    except RecipeInvalid as error:
        raise RecipeInvalid(f"{shown(path)}: {error.what}", error.fix) from error


def _recipe(
    table: dict[str, Any], path: Path, kinds: Mapping[str, Callable[[], TaskKind]]
) -> Recipe:
    for key in table:
        if key not in ("task", "trainer"):
            raise RecipeInvalid(f"there is no section [{key}]", "known are [task], [trainer]")
    for key in ("task", "trainer"):
        if not isinstance(table.get(key), dict):
            raise RecipeInvalid(f"the section [{key}] is missing", "add it")
    task = dict(table["task"])
    kind = task.pop("kind", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise RecipeInvalid(f"[task] kind is '{kind}'", f"choose one of {', '.join(kinds)}")
    return Recipe(
        kind,
        from_table(kinds[kind]().settings, task, "[task]"),
        from_table(TrainerSettings, table["trainer"], "[trainer]"),
        path,
    )
