"""A frozen tower's features on disk: made once a photo, whatever it is trained for later."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import nn, uint8

from model.atomic_files import replaced
from model.training.loop.writing import written

ABANDONED = 3600  # seconds after which a file that is being written counts as left behind
Features = Mapping[str, NDArray[np.floating[Any]]]


class FeatureStore:
    """Arrays by photo, one file each: `TOWER/ab/ab12….safetensors`.

    Any number of processes may read and write: a file appears whole or not at all, and what two
    of them write is the same. A damaged file counts as missing.

    Args:
        folder: folder for the caches of all towers; made when missing.
        tower: digest of the tower and its settings, see `tower_fingerprint`.
    """

    def __init__(self, folder: Path, tower: str) -> None:
        self.folder = folder / hashlib.sha256(tower.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in self.folder.glob("*/.*.part"):  # of processes that were killed
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > ABANDONED:
                    part.unlink()

    def get(self, photo: bytes) -> dict[str, NDArray[np.float16]] | None:
        """A photo's arrays by name, found by its content hash (`images.content_hash`); or None."""
        file = self._file(photo)
        try:
            return load_file(file)
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError):
            file.unlink(missing_ok=True)
            return None

    def put(self, photo: bytes, features: Features) -> None:
        """Keep a photo's arrays; they are stored as float16.

        Raises:
            ValueError: a value is too large for float16, or not a number.
            TrainingError: the disk is full, or may not be written to.
        """
        stored = {}
        for name, values in features.items():
            with np.errstate(over="ignore"):
                stored[name] = np.ascontiguousarray(values, np.float16)
            if not np.isfinite(stored[name]).all():
                raise ValueError(f"features '{name}' do not fit float16")
        file = self._file(photo)
        with written("features", self.folder):
            file.parent.mkdir(exist_ok=True)
            with replaced(file, flushed=False) as part:
                save_file(stored, part)

    def features(
        self, photo: bytes, make: Callable[[], Features]
    ) -> dict[str, NDArray[np.float16]]:
        """A photo's arrays: those kept, or those that `make` makes, which are kept then."""
        found = self.get(photo)
        if found is None:
            self.put(photo, make())
            found = self.get(photo)
        if found is None:
            raise OSError(f"{self._file(photo)} vanished after it was written")
        return found

    def holdings(self) -> Holdings:
        """Content that is kept."""
        sizes = [file.stat().st_size for file in self.folder.glob("*/*.safetensors")]
        return Holdings(len(sizes), sum(sizes))

    def _file(self, photo: bytes) -> Path:
        name = photo.hex()
        return self.folder / name[:2] / f"{name}.safetensors"


@dataclass(frozen=True)
class Holdings:
    """Content of a store: photos, and bytes on disk."""

    photos: int
    bytes: int

    def __str__(self) -> str:
        return f"features of {self.photos:,} photos, {self.bytes / 1e6:,.0f} MB"


def tower_fingerprint(tower: nn.Module, settings: str) -> str:
    """What tells a tower from others: the digest of all its weights, and the settings it is used
    with (size of the photo, levels …)."""
    digest = hashlib.sha256()
    for name, value in sorted(tower.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)};".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(uint8).numpy().tobytes())
    return f"{digest.hexdigest()} {settings}"
