"""Checkpoints: all that is needed to go on as if nothing had happened.

A folder `step-00001200` each. It is written under another name, flushed and renamed, so one that
has its name is whole; its `state.json` holds the digests of the other files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.atomic_files import flush
from model.training.loop.best_weights import BEST

STATE = "state.json"


@dataclass(frozen=True)
class TrainingState:
    """State of a training.

    Attributes:
        step: steps done.
        epoch, position: place of the next batch.
        averaged: updates of the averaged weights.
        skipped: numbers of the steps among the last 100 that were skipped.
        skips: steps skipped in all.
        best: the best value of the recipe's metric, None before the first.
        recipe: recipe as plain values.
    """

    step: int
    epoch: int
    position: int
    averaged: int
    skipped: tuple[int, ...]
    skips: int
    best: float | None
    recipe: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """TrainingState, and all tensors.

    Attributes:
        progress: state of the training at this step.
        network: trained parameters and buffers, by name.
        averaged: averaged parameters by name; empty without.
        optimiser: the optimiser's state.
        best: weights that measured best until then, by name; empty before the first.
    """

    progress: TrainingState
    network: dict[str, Tensor]
    averaged: dict[str, Tensor]
    optimiser: dict[str, Any]
    best: dict[str, Tensor] = field(default_factory=dict)


def save_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write a checkpoint into the folder of checkpoints, then delete all but the newest `keep`."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"step-{checkpoint.progress.step:08d}"
    part = folder / f".{place.name}.{os.getpid()}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    save_file(checkpoint.network, part / "network.safetensors")
    save_file(checkpoint.averaged, part / "averaged.safetensors")
    save_file(checkpoint.best, part / BEST)
    torch.save(checkpoint.optimiser, part / "optimiser.pt")
    digests = {file.name: _digest(file) for file in sorted(part.iterdir())}
    state = asdict(checkpoint.progress) | {"files": digests}
    (part / STATE).write_text(json.dumps(state, indent=1))
    for path in (*part.iterdir(), part):
        flush(path)
    shutil.rmtree(place, ignore_errors=True)
    part.rename(place)
    flush(folder)
    for old in checkpoints(folder)[keep:]:
        shutil.rmtree(old)
    for left in folder.glob(".step-*.part"):  # of runs that were killed
        shutil.rmtree(left, ignore_errors=True)
    return place


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, newest first."""
    return sorted((path for path in folder.glob("step-*") if path.is_dir()), reverse=True)


def newest_checkpoint(folder: Path, tell: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that is whole; damaged ones are told and passed over."""
    for place in checkpoints(folder):
        try:
            return load_checkpoint(place)
        except (OSError, ValueError, KeyError, TypeError) as error:
            tell(f"the checkpoint {place.name} is damaged ({error}): an older one is used")
    return None


def load_checkpoint(place: Path) -> Checkpoint:
    """The checkpoint in this folder, tensors on the CPU.

    Raises:
        OSError, ValueError, KeyError, TypeError: the checkpoint is damaged.
    """
    state = json.loads((place / STATE).read_text())
    for name, digest in state.pop("files").items():
        if _digest(place / name) != digest:
            raise ValueError(f"{name} is not what was written")
    state["skipped"] = tuple(state["skipped"])
    return Checkpoint(
        TrainingState(**state),
        load_file(place / "network.safetensors"),
        load_file(place / "averaged.safetensors"),
        torch.load(place / "optimiser.pt", map_location="cpu", weights_only=True),
        load_file(place / BEST) if (place / BEST).is_file() else {},  # older ones have none
    )


def changes(
    old: Mapping[str, Any], new: Mapping[str, Any], allowed: Collection[str], path: str = ""
) -> Iterator[str]:
    """Differences between two recipes, in words, except under the names that are allowed."""
    for key in sorted({*old, *new}):
        one, other, name = old.get(key), new.get(key), f"{path}{key}"
        if isinstance(one, dict) and isinstance(other, dict):
            yield from changes(one, other, allowed, f"{name}.")
        elif one != other and name not in allowed:
            yield f"{name} was {one!r} and is {other!r}"


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
