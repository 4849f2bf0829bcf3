"""Inventory: what is known of the weights that presets name, and whether they are here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import ModelError, PresetError, PresetUnknown, shown
from model.presets.preset import FOLDER, Preset, load_preset, preset_names
from model.weights.cache import record_of
from model.weights.weights import Weights


@dataclass(frozen=True)
class Item:
    """The weights of one role of one preset.

    Attributes:
        preset: name of the preset.
        weights: files of that role.
        problem: fault of the weights, in one line; "" if there is none, or nobody looked.
    """

    preset: str
    weights: Weights
    problem: str = ""

    @property
    def state(self) -> str:
        """`bundled`, `cached` or `local`, if they are here; else `missing`."""
        folder = self.weights.folder
        if folder is None:
            return "missing"
        if self.weights.published:
            return "cached"
        return "bundled" if folder.is_relative_to(FOLDER) else "local"

    @property
    def sha256(self) -> str:
        """Digest of the largest file, "" if nobody knows it."""
        files = sorted(self._files(), key=lambda file: file["size"] or 0)
        return files[-1]["sha256"] or ""

    @property
    def pinned(self) -> bool:
        """Whether the preset names the digest of every file."""
        return all(file.sha256 for file in self.weights.files)

    def to_dict(self) -> dict[str, Any]:
        """Item as the command line's JSON has it; digests and sizes that nobody knows are null."""
        here = self.weights.folder is not None
        return {
            "preset": self.preset,
            "role": self.weights.role,
            "state": self.state,
            "size": self.weights.size or None,
            "licence": self.weights.licence or None,
            "permissive": self.weights.permissive,
            "source": self.weights.origin,
            "path": str(self.weights.path()) if here else None,
            "files": list(self._files()),
            "problem": self.problem or None,
        }

    def checked(self) -> Item:
        """Item after every byte was read and compared; `problem` says how it went."""
        try:
            self.weights.checked_path(anew=True)
        except ModelError as error:
            return Item(self.preset, self.weights, str(error))
        return Item(self.preset, self.weights)

    def _files(self) -> Iterator[dict[str, Any]]:
        folder = self.weights.folder
        for file in self.weights.files:
            record = record_of(folder / file.name) if folder else None
            size = (folder / file.name).stat().st_size if folder else file.size
            yield {
                "name": file.name,
                "size": size or None,
                "sha256": file.sha256 or (record.sha256 if record else None),
                "pinned": bool(file.sha256),
            }


def inventory(names: Sequence[str] = ()) -> list[Item]:
    """Weights of the presets named, each `PRESET` or `PRESET:ROLE`, or of all bundled ones.

    Raises:
        PresetUnknown: there is no such preset, or it has no such role.
    """
    items: dict[tuple[str, str], Item] = {}
    for name in names or preset_names():
        preset, role = _found(name)
        for weights in preset.weights.values():
            if role in ("", weights.role):
                items[preset.reference, weights.role] = Item(preset.name, weights)
    return list(items.values())


def _found(name: str) -> tuple[Preset, str]:
    try:
        return load_preset(name), ""
    except PresetError:
        before, colon, role = name.rpartition(":")
        if not colon:
            raise
        preset = load_preset(before)
        if role not in preset.weights:
            roles = ", ".join(preset.weights) or "none"
            raise PresetUnknown(
                f"the preset '{shown(before)}' has no weights '{shown(role)}'",
                f"it has: {roles}",
            ) from None
        return preset, role
