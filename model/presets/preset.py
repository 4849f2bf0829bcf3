"""Presets: which models look at photos, as data.

A preset is one TOML file. The bundled ones lie in `model/presets/`; a path to any other such
file is as good as a name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.embeddings import EmbeddingSpace
from model.errors import PresetInvalid, SegsearchError, WeightsMismatch, WeightsMissing, shown
from model.presets.files import DEFAULT, preset_file, preset_names, read_table, split_head
from model.presets.proposers import DEFAULT_PROPOSER, PROPOSERS
from model.presets.registry import EMBEDDERS, NO_VECTORS, SEGMENTERS, Kind, check_kind
from model.weights.offline import offline
from model.weights.sources import FOLDER
from model.weights.weights import Weights, read_weights

if TYPE_CHECKING:
    from model.calibration import Calibration
    from model.embedder import Embedder
    from model.proposals.proposer import Proposer
    from model.segmenter import Segmenter

__all__ = ["DEFAULT", "FOLDER", "Models", "Preset", "load_preset", "preset_names"]

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Models:
    """Models that a preset builds."""

    segmenter: Segmenter
    embedder: Embedder


@dataclass(frozen=True)
class Preset:
    """A choice of models, their sizes and their weights.

    Attributes:
        name: name as the user types it.
        title: one line for people.
        image_side: pixels of the longer side at which photos are decoded.
        seconds_per_photo: CPU seconds of one thread for a 12-megapixel photo, as measured.
        dimension: dimension of the embedding space.
        segmenter: `kind` and its settings.
        embedder: `kind` and its settings.
        weights: files that the models are loaded from, by role.
        source: the preset's file.
        head: the user's own head, if one was named with the preset.
        worker_gb: memory of a process that looks at photos with it, gigabytes.
        photos_at_once: photos that such a process looks at together; 0: as many as suit its device.
        referring: settings of how one of several segments is told; none of what indexing finds.
    """

    name: str
    title: str
    image_side: int
    seconds_per_photo: float
    dimension: int
    segmenter: Settings
    embedder: Settings
    weights: Mapping[str, Weights]
    source: Path
    head: Path | None = None
    worker_gb: float = 1.0
    photos_at_once: int = 0
    proposer: Settings = field(default_factory=lambda: dict(DEFAULT_PROPOSER))
    referring: Settings = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """Name or path by which `load_preset` finds this preset, wherever it is called."""
        bundled = self.source.parent == FOLDER
        name = self.name if bundled else str(self.source.absolute())
        return f"{name}+{self.head.absolute()}" if self.head else name

    @property
    def fingerprint(self) -> str:
        """Hex digest of all that decides which segments and vectors a photo gets."""
        masks = self.weights.get("masks")
        return _digest(
            self._embedding_identity()
            | {"segmenter": dict(self.segmenter), "masks": masks.sha256 if masks else ""}
        )

    @property
    def space(self) -> EmbeddingSpace:
        """The space of this preset's vectors."""
        return EmbeddingSpace(self.name, self.dimension, _digest(self._embedding_identity()))

    @property
    def uses_gpu(self) -> bool:
        """Whether its models run on a GPU where there is one."""
        kinds = SEGMENTERS[self.segmenter["kind"]], EMBEDDERS[self.embedder["kind"]]
        return any(kind.gpu for kind in kinds)

    def build(self) -> Models:
        """The models, loaded on the CPU. Slow: imports the libraries and reads the weights.

        Raises:
            WeightsMissing, WeightsMismatch: a weight file is not there or not the right one.
            PresetInvalid: the preset lacks a file that its models need, or has a setting that
                they do not.
        """
        return Models(self.build_segmenter(), self.build_embedder())

    def build_segmenter(self) -> Segmenter:
        """The segmenter alone; raises what `build` raises."""
        segmenter: Segmenter = _build(SEGMENTERS, "segmenter", self)
        return segmenter

    def build_embedder(self) -> Embedder:
        """The embedder alone, all that words need; raises what `build` raises."""
        embedder: Embedder = _build(EMBEDDERS, "embedder", self)
        return embedder

    def build_proposer(self, models: Models) -> Proposer:
        """The proposer of masks for words, beside the models that make the index; raises what
        `build` raises."""
        proposer: Proposer = _build(PROPOSERS, "proposer", self, models.segmenter, models.embedder)
        return proposer

    def with_head(self, path: Path) -> Preset:
        """This preset with the user's own head; its calibration, fitted to another, is left out.

        Raises:
            WeightsMissing: there is no such file.
        """
        if not path.is_file():
            raise WeightsMissing(f"there is no head at {shown(path)}", "mend the path")
        entry = {"source": str(path.absolute()), "licence": "yours"}
        head = read_weights("head", entry, Path(), self.name)
        kept = {role: each for role, each in self.weights.items() if role != "calibration"}
        return replace(self, weights={**kept, "head": head}, head=path)

    @property
    def towers_fingerprint(self) -> str:
        """Hex digest of the frozen towers: that of the space, were there no trained head."""
        return self.without_head().space.fingerprint

    def without_head(self) -> Preset:
        """This preset as it is before anybody trains a head for it."""
        kept = {role: each for role, each in self.weights.items() if role != "head"}
        return replace(self, weights=kept, head=None)

    def require_weights(self) -> None:
        """Raise WeightsMissing unless all weights are here; what they hold is not looked at."""
        for weights in self.weights.values():
            weights.path()

    def calibration(self) -> Calibration | None:
        """Calibration of scores in this preset's space to probabilities; None if nobody fitted it.

        Raises:
            WeightsMissing, WeightsMismatch: its file is not there or not the right one.
        """
        return EMBEDDERS[self.embedder["kind"]].calibration(self)

    def _embedding_identity(self) -> dict[str, Any]:
        digests = {role: w.sha256 for role, w in self.weights.items() if role not in NO_VECTORS}
        return {
            "embedder": {name: _identity(value) for name, value in self.embedder.items()},
            "image_side": self.image_side,
            "dimension": self.dimension,
            "weights": digests,
        }


def _identity(setting: object) -> object:
    """A setting as it decides vectors: of a file with an architecture what it says, not where it
    lies; a file that is not there is refused by who builds."""
    if isinstance(setting, str) and setting.endswith(".json"):
        with suppress(OSError):
            return hashlib.sha256(Path(setting).read_bytes()).hexdigest()
    return setting


def load_preset(name: str = DEFAULT) -> Preset:
    """The bundled preset of that name, or the preset in the TOML file at that path.

    Args:
        name: name of the preset, or its path; `+` and the path of a head may follow.

    Raises:
        PresetUnknown: there is none.
        PresetInvalid: its file is not understood.
        WeightsMissing: there is no such head.
    """
    name, head = split_head(name)
    path = preset_file(name)
    try:
        table = read_table(path)
        weights = {
            role: read_weights(role, entry, entry.pop("folder"), name)
            for role, entry in table.pop("weights", {}).items()
        }
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError, OSError) as e:
        raise PresetInvalid(f"{shown(path)} is no preset ({shown(e)})", "mend the file") from e
    preset = Preset(weights=weights, source=path, **table)
    return preset.with_head(head) if head else preset


def _digest(identity: Settings) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _build(kinds: Mapping[str, Kind[Any]], section: str, preset: Preset, *models: Any) -> Any:
    said: Settings = getattr(preset, section)
    check_kind(preset.source, section, said, kinds)
    settings = {key: value for key, value in said.items() if key != "kind"}
    try:
        with offline():
            return kinds[said["kind"]].build(preset, *models, **settings)
    except (SegsearchError, ImportError, MemoryError):
        raise
    except Exception as error:  # the libraries raise what they like over weights of odd shapes
        raise WeightsMismatch(
            f"{shown(preset.source)}: its {section} cannot be built"
            f" ({type(error).__name__}: {shown(error)[:200]})",
            "look whether its weights belong together and are whole (segsearch models verify)",
        ) from error
