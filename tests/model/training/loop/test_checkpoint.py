"""Wherever writing a checkpoint is cut off, a whole one is found afterwards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from model.atomic_files import replaced
from model.training.loop import checkpoint as module
from model.training.loop.checkpoint import (
    Checkpoint,
    TrainingState,
    changes,
    checkpoints,
    load_checkpoint,
    newest_checkpoint,
    save_checkpoint,
)


def at(step: int) -> Checkpoint:
    progress = TrainingState(step, 1, 2, 3, (4, 5), 6, 0.5, {"trainer": {"lr": 0.1}})
    weights = {"weight": torch.full((3,), float(step))}
    return Checkpoint(progress, weights, weights, {"state": {0: {"step": torch.tensor(step)}}})


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    place = save_checkpoint(tmp_path, at(7), keep=1)
    read = load_checkpoint(place)
    assert read.progress == at(7).progress
    assert torch.equal(read.network["weight"], torch.full((3,), 7.0))
    assert read.optimiser["state"][0]["step"] == 7
    assert newest_checkpoint(tmp_path / "none", print) is None


class Killed(BaseException):
    pass


def test_no_cut_off_write_costs_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == dead_at:
                raise Killed
            return function(*arguments, **options)

        return call

    for owner, name in (
        (module, "save_file"), (module, "flush"), (module.torch, "save"),
        (module.shutil, "rmtree"), (Path, "rename"), (Path, "write_text"), (Path, "mkdir"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    dead_at, step = 0, 1
    save_checkpoint(tmp_path, at(step), keep=1)
    survived = 0
    for dead_at in range(1, 40):
        calls, step = 0, step + 1
        try:
            save_checkpoint(tmp_path, at(step), keep=1)
            survived += 1
        except Killed:
            pass
        calls = dead_at  # no more deaths
        found = newest_checkpoint(tmp_path, pytest.fail)
        assert found is not None
        assert found.progress.step in (step - 1, step)
        assert torch.equal(found.network["weight"], at(found.progress.step).network["weight"])
        step = found.progress.step
    assert 5 < survived < 35  # both what kills, and what is past the last write, were tried
    assert len(checkpoints(tmp_path)) == 1
    assert not list(tmp_path.glob(".*"))


def test_writing_a_checkpoint_again_replaces_it(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, at(3), keep=2)
    save_checkpoint(tmp_path, at(3), keep=2)
    assert [place.name for place in checkpoints(tmp_path)] == ["step-00000003"]


def test_a_file_is_replaced_wholly_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "record"
    with replaced(file) as part:
        part.write_text("old")

    def half() -> None:
        with replaced(file) as part:
            part.write_text("half")
            raise Killed

    with pytest.raises(Killed):
        half()
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["record"]


def test_changes_are_named() -> None:
    old = json.loads('{"trainer": {"lr": 1, "steps": 2}, "task": {"kind": "x", "sources": [1]}}')
    new = {"trainer": {"lr": 2, "steps": 3}, "task": {"kind": "x", "sources": [1], "width": 4}}
    assert list(changes(old, new, {"trainer.steps"})) == [
        "task.width was None and is 4",
        "trainer.lr was 1 and is 2",
    ]
    assert not list(changes(old, old, ()))
