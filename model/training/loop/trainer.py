"""The trainer: any task, by a recipe's settings, on however many processes there are."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filelock
import torch
from torch import Tensor, nn

from model.errors import RunMismatch, TrainingError, shown
from model.training.loop.batch_stream import BatchStream, Place, moved
from model.training.loop.best_weights import BestWeights
from model.training.loop.callbacks import Callbacks
from model.training.loop.checkpoint import (
    Checkpoint,
    TrainingState,
    changes,
    checkpoints,
    newest_checkpoint,
    save_checkpoint,
)
from model.training.loop.distributed import accelerator
from model.training.loop.ema import AveragedWeights
from model.training.loop.network_state import (
    kept_state,
    restore_state,
    set_training_mode,
    trained,
)
from model.training.loop.parameter_groups import parameter_groups
from model.training.loop.run_log import Record
from model.training.loop.schedule import rate_share
from model.training.loop.seeds import mixed_seed, seed_everything
from model.training.loop.settings import TrainerSettings
from model.training.loop.skipped_steps import SkippedSteps
from model.training.loop.task import Batch, Task
from model.training.loop.writing import written

BEST_KEYS = ("best", "best_is")
_CHANGEABLE = "steps validate_every checkpoint_every keep skip_limit"
CHANGEABLE = frozenset(f"trainer.{name}" for name in (*_CHANGEABLE.split(), *BEST_KEYS))


class Trainer:
    """Trains a task, and can be killed at any instant.

    Args:
        task: built after `seed_everything(settings.seed)`.
        settings: the recipe's section [trainer].
        folder: gets `checkpoints/`, `curves/`, `record.jsonl`, `best.safetensors`, and what the
            task exports.
        identity: plain values that also decide the result; a run is resumed only with the
            same.
        watcher: callbacks told of the progress.

    Raises:
        ExtraMissing: accelerate is not installed.
    """

    def __init__(
        self,
        task: Task,
        settings: TrainerSettings,
        folder: Path,
        identity: Mapping[str, Any] | None = None,
        watcher: Callbacks | None = None,
    ) -> None:
        self._task, self._settings, self._folder = task, settings, folder
        recipe = {"trainer": asdict(settings), **(identity or {})}
        self._recipe = json.loads(json.dumps(recipe))  # as it is read back from a checkpoint
        self._accelerator = accelerator()
        self._watcher = watcher if watcher and self._accelerator.is_main_process else Callbacks()
        self._optimiser = torch.optim.AdamW(parameter_groups(task, settings), lr=settings.lr)
        self._module = _LossModule(task, settings.precision == "bfloat16")
        self._module, self._optimiser = self._accelerator.prepare(self._module, self._optimiser)
        self._averaged = AveragedWeights(task.network, settings.ema) if settings.ema else None
        self._step, self._skipped = 0, SkippedSteps(settings.skip_limit)
        self._best = BestWeights(folder, settings.best, settings.best_is)
        self._place = Place()

    def run(self, resume: bool = False) -> None:
        """Train to the last step, and export.

        Args:
            resume: go on after the newest checkpoint of the folder, if there is one.

        Raises:
            RunMismatch: the folder holds a run and `resume` is false, or the run of another
                recipe.
            DataMissing: an epoch has no batch.
            TrainingDiverged: too many losses were not finite.
            TrainingError: another process trains into the folder; or the task has no metric of
                the recipe's name, or no "loss".
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if resume:
                self._load()
            else:
                refuse_used(self._folder)
            self._run()

    def _run(self) -> None:
        accelerator, settings = self._accelerator, self._settings
        record = Record(self._folder, self._step) if accelerator.is_main_process else None
        stream = BatchStream(
            self._task,
            settings.seed,
            self._place,
            accelerator.num_processes,
            accelerator.process_index,
        )
        self._watcher.started(self._step, settings.steps)
        try:
            if settings.best and not self._step:
                self._validate(record)  # a metric that nobody measures is told before hours pass
            while self._step < settings.steps:
                terms = self._train_step(stream)
                self._place = stream.place
                if record:
                    record.add(self._step, "train", terms)
                self._watcher.stepped(self._step, terms)
                if self._due(settings.validate_every):
                    self._validate(record)
                if self._due(settings.checkpoint_every):
                    self._save()
            self._export()
        finally:
            self._watcher.ended()
            if record:
                record.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other training writes into the folder meanwhile."""
        if not self._accelerator.is_main_process:
            yield
            return
        lock = filelock.FileLock(self._folder / "training.lock")
        try:
            with lock.acquire(blocking=False):
                yield
        except filelock.Timeout:
            raise TrainingError(
                f"another process trains into {shown(self._folder)}",
                "wait until it is done, or choose another folder by --out",
            ) from None

    def _train_step(self, stream: BatchStream) -> dict[str, float]:
        """One step of the optimiser; its terms, averaged over batches and processes."""
        accelerator, settings = self._accelerator, self._settings
        share = rate_share(self._step, settings)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * share
        sums: dict[str, Tensor] = {}
        set_training_mode(self._module)
        for number in range(settings.accumulation):
            batch = moved(stream.draw(), accelerator.device)
            member = accelerator.process_index
            seed_everything(mixed_seed(settings.seed, self._step, number, member))
            last = number + 1 == settings.accumulation
            with nullcontext() if last else accelerator.no_sync(self._module):
                terms = self._module(batch)
                if "loss" not in terms:
                    raise TrainingError(f"{type(self._task).__name__}.loss gives no term 'loss'")
                accelerator.backward(terms["loss"] / settings.accumulation)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0) + value.detach().float() / settings.accumulation
        parameters = [parameter for _, parameter in trained(self._task.network)]
        norm = accelerator.clip_grad_norm_(parameters, settings.clip or math.inf)
        means = accelerator.reduce(torch.stack([*sums.values(), norm.float()]), "mean").tolist()
        values = dict(zip([*sums, "norm"], means, strict=True))
        self._step += 1
        if math.isfinite(values["loss"]) and math.isfinite(values["norm"]):
            self._optimiser.step()
            if self._averaged:
                self._averaged.update(self._task.network)
        else:
            told = f"step {self._step} is skipped: its loss or gradient is not finite"
            self._watcher.told(told)
            self._skipped.add(self._step)
        self._optimiser.zero_grad()
        return values | {"lr": settings.lr * share, "skipped": float(self._skipped.total)}

    def _due(self, every: int) -> bool:
        last = self._step == self._settings.steps
        return last or bool(every and self._step % every == 0)

    def _weights(self) -> Any:
        network = self._task.network
        return self._averaged.inside(network) if self._averaged else nullcontext()

    def _validate(self, record: Record | None) -> None:
        self._accelerator.wait_for_everyone()
        if record:
            self._task.network.eval()
            seed_everything(mixed_seed(self._settings.seed, self._step))
            with self._weights(), torch.no_grad():
                measured = self._task.validate()
                metrics = {name: float(value) for name, value in measured.items()}
                better = self._best.offer(metrics, self._task.network)
            record.add(self._step, "val", metrics)
            self._watcher.validated(self._step, metrics, better)
        self._accelerator.wait_for_everyone()

    def _export(self) -> None:
        if self._accelerator.is_main_process:
            self._task.network.eval()
            with self._weights(), torch.no_grad(), written("what was trained", self._folder):
                self._best.restore(self._task.network)
                self._task.export(self._folder)
        self._accelerator.wait_for_everyone()

    def _save(self) -> None:
        self._accelerator.wait_for_everyone()
        if self._accelerator.is_main_process:
            progress = TrainingState(
                self._step,
                self._place.epoch,
                self._place.position,
                self._averaged.updates if self._averaged else 0,
                self._skipped.recent,
                self._skipped.total,
                self._best.value,
                self._recipe,
            )
            checkpoint = Checkpoint(
                progress,
                kept_state(self._task.network),
                self._averaged.weights if self._averaged else {},
                self._optimiser.state_dict(),
                self._best.kept(),
            )
            with written("the checkpoint", self._folder):
                save_checkpoint(self._folder / "checkpoints", checkpoint, self._settings.keep)
        self._accelerator.wait_for_everyone()

    def _load(self) -> None:
        found = newest_checkpoint(self._folder / "checkpoints", self._watcher.told)
        if found is None:
            return
        progress = found.progress
        changed = list(changes(progress.recipe, self._recipe, CHANGEABLE))
        if changed:
            raise RunMismatch(
                f"{shown(self._folder)} holds a training with another recipe: {changed[0]}",
                "undo the change, or choose another folder by --out",
            )
        restore_state(self._task.network, found.network)
        self._optimiser.load_state_dict(found.optimiser)
        if self._averaged:
            self._averaged.updates = progress.averaged
            for name, weight in self._averaged.weights.items():
                weight.copy_(found.averaged[name])
        self._step = progress.step
        self._skipped.recent, self._skipped.total = progress.skipped, progress.skips
        chosen_by = progress.recipe["trainer"]
        if (chosen_by["best"], chosen_by["best_is"]) == (
            self._settings.best,
            self._settings.best_is,
        ):
            self._best.go_on_from(progress.best, found.best)
        self._place = Place(progress.epoch, progress.position)


def refuse_used(folder: Path) -> None:
    """Nothing, where no training was begun.

    Raises:
        RunMismatch: the folder holds a training.
    """
    if checkpoints(folder / "checkpoints"):
        raise RunMismatch(
            f"{shown(folder)} holds a training",
            "go on with it by --resume, or choose another folder by --out",
        )


class _LossModule(nn.Module):
    """The task's loss as a module, so that whatever the loss calls is seen by every process."""

    def __init__(self, task: Task, bfloat16: bool) -> None:
        super().__init__()
        self.network = task.network
        self._task = task
        self._bfloat16 = bfloat16

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        device = next(self.network.parameters()).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self._bfloat16):
            return self._task.loss(batch)
