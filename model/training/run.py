"""Train by a recipe's file: what `segsearch train` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from model.errors import DataMissing, shown
from model.training.loop.callbacks import Callbacks
from model.training.loop.distributed import accelerator
from model.training.loop.run_log import read_record
from model.training.loop.task import TaskKind
from model.training.loop.trainer import Trainer, refuse_used
from model.training.recipe import load_recipe
from model.training.registry import KINDS
from model.weights.user_folders import user_folder


@dataclass(frozen=True)
class Summary:
    """Summary of a training.

    Attributes:
        folder: folder of the run.
        steps: done, of them `skipped` since their loss was not finite.
        skipped: see `steps`.
        measured: the step after which the exported weights were measured.
        metrics: metrics of the exported weights, by name.
    """

    folder: Path
    steps: int
    skipped: int
    measured: int
    metrics: Mapping[str, float]


def train(
    recipe: Path,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    cache: Path | None = None,
    watcher: Callbacks | None = None,
    kinds: Mapping[str, Callable[[], TaskKind]] = KINDS,
) -> Summary | None:
    """Train by a recipe, measure, export.

    Args:
        recipe: its TOML file.
        data: the folder of the data that the recipe's task reads.
        out: folder for checkpoints, record, curves and the exported weights.
        resume: go on after the newest checkpoint in `out`, if there is one.
        cache: folder for frozen towers' features; by default in the user's cache.
        watcher: callbacks told of the progress.
        kinds: kinds of tasks by name.

    Returns:
        None in all processes but the first.

    Raises:
        TrainingError, ExtraMissing: the training cannot start, or cannot go on.
    """
    read = load_recipe(recipe, kinds)
    if not data.is_dir():
        raise DataMissing(f"there is no folder {shown(data)}", "name the data's folder by --data")
    if not resume:
        refuse_used(out)  # before the features are made
    here = accelerator()
    tell = (watcher or Callbacks()).told if here.is_main_process else Callbacks().told
    with here.main_process_first():  # the others find its features on the disk
        kept = cache or user_folder("cache", "SEGSEARCH_CACHE") / "towers"
        task = read.build(data, kept, tell, kinds)
    Trainer(task, read.trainer, out, read.identity, watcher).run(resume)
    here.end_training()
    return _summary(out, read.trainer.best, read.trainer.best_is) if here.is_main_process else None


def _summary(out: Path, best: str, best_is: str) -> Summary:
    record = read_record(out)
    measured = [line for line in record if line["section"] == "val"]
    chosen = measured[-1]
    if best:
        better = max if best_is == "highest" else min
        chosen = better(measured, key=lambda line: float(line[best]))
    last = [line for line in record if line["section"] == "train"][-1]
    metrics = {name: v for name, v in chosen.items() if name not in ("step", "section")}
    return Summary(out, last["step"], int(last["skipped"]), chosen["step"], metrics)
