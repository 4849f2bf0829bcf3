"""An index and its models, opened when they are first needed and shared by threads in turns."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.backends import catalog_file
from indexer.index import Index
from indexer.vectors.faiss_installation import search_alone
from model.devices import compute_alone
from model.errors import IndexMissing
from model.presets.files import absolute_reference
from model.presets.preset import DEFAULT, Models, Preset, load_preset
from model.referring.settings import global_local_settings
from searchengine.photos.recent_images import RecentImages
from searchengine.search.uncalibrated import uncalibrated
from searchengine.turns import EngineTurns

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from model.calibration import Calibration
    from model.embedder import Embedder
    from model.proposals.proposer import Proposer
    from model.segmenter import Segmenter
    from searchengine.photos.photo_looks import PhotoLooks


class OpenedIndex:
    """An index with the models that made it; each part is opened or loaded on first use.

    A process that is forked leaves its parent's handles alone and opens its own.

    Args:
        folder: index folder; it need not be there yet.
        preset: name or TOML path; None: the one that made the index or, without one, `nano`.

    Attributes:
        folder: index folder, absolute.
        asked_preset: the preset as it was asked for, with an absolute path; None if none was.
    """

    def __init__(self, folder: Path, preset: str | None = None) -> None:
        self.folder = Path(os.path.abspath(folder))  # noqa: PTH100, keeps symlinks
        self.asked_preset = None if preset is None else absolute_reference(preset)
        self._turns = EngineTurns(self._forked)
        self._index: Index | None = None
        self._file: tuple[int, int] | None = None
        self._abandoned: list[Index] = []
        self._preset: Preset | None = None
        self._segmenter_of: tuple[Preset, Segmenter] | None = None
        self._embedder_of: tuple[Preset, Embedder] | None = None
        self._calibration_of: tuple[Preset, Calibration | None] | None = None
        self._proposer_of: tuple[Preset, tuple[Proposer, Embedder]] | None = None
        self._images_of: tuple[Preset, RecentImages] | None = None
        self._looks_of: tuple[Preset, PhotoLooks | None] | None = None

    def turn(self) -> AbstractContextManager[None]:
        """A turn of the calling thread; the others wait until it ends."""
        return self._turns.turn()

    def close(self) -> None:
        """Let go of the index' files."""
        with self.turn():
            if self._index is not None:
                self._index.close()
                self._index = None

    @property
    def reader(self) -> Index:
        """The index, open for reading.

        Raises:
            IndexMissing: there is none yet.
            PresetMismatch: the index was made with another preset than the one asked for.
        """
        with self.turn():
            if self._index is not None and self._file != self._file_now():
                self._leave_replaced()
            if self._index is None:
                self._file = self._file_now()
                index = Index.open(self.folder)
                try:
                    index.require_preset(self._preset_of(index))
                except Exception:
                    index.close()
                    raise
                self._index = index
            return self._index

    @property
    def preset(self) -> Preset:
        """The preset that made the index or, where there is none yet, that will make it."""
        with self.turn():
            if self._preset is None:
                try:
                    self._preset = self._preset_of(self.reader)
                except IndexMissing:  # or never finished being made; another may make it yet
                    return load_preset(self.asked_preset or DEFAULT)
            return self._preset

    @property
    def models(self) -> Models:
        """The preset's models."""
        with self.turn():
            preset = self.preset
            if self._segmenter_of is None or self._segmenter_of[0] != preset:
                self._segmenter_of = preset, preset.build_segmenter()
            return Models(self._segmenter_of[1], self.embedder)

    @property
    def embedder(self) -> Embedder:
        """The preset's embedder, all that words need."""
        preset = self.preset
        if self._embedder_of is None or self._embedder_of[0] != preset:
            self._embedder_of = preset, preset.build_embedder()
        return self._embedder_of[1]

    @property
    def proposer(self) -> tuple[Proposer, Embedder]:
        """Proposer of masks that the index does not hold, and the embedder that it shares what it
        embedded with, by the preset's models."""
        preset = self.preset
        if self._proposer_of is None or self._proposer_of[0] != preset:
            from model.embedders.segment_cache import RememberedSegments

            remembering = RememberedSegments(self.embedder)
            proposer = preset.build_proposer(replace(self.models, embedder=remembering))
            self._proposer_of = preset, (proposer, remembering)
        return self._proposer_of[1]

    @property
    def looks(self) -> PhotoLooks | None:
        """Looks at photos that tell one segment from another, where the preset asks for them."""
        preset = self.preset
        if self._looks_of is None or self._looks_of[0] != preset:
            said = global_local_settings(preset.referring)
            looks: PhotoLooks | None = None
            if said is not None and said.photos:
                from model.referring.global_local_referrer import GlobalLocalReferrer
                from searchengine.photos.photo_looks import PhotoLooks

                referrer = GlobalLocalReferrer.of(preset, said)
                looks = PhotoLooks(referrer, said.photos, preset.image_side)
            self._looks_of = preset, looks
        return self._looks_of[1]

    @property
    def images(self) -> RecentImages:
        """Photos of the index as the preset's models see them."""
        preset = self.preset
        if self._images_of is None or self._images_of[0] != preset:
            self._images_of = preset, RecentImages(preset.image_side)
        return self._images_of[1]

    @property
    def calibration(self) -> Calibration | None:
        """Calibration of the preset's scores, else by the index' own segments; None without any."""
        preset = self.preset
        if self._calibration_of is None or self._calibration_of[0] != preset:
            fitted = preset.calibration() or uncalibrated(self.reader.catalog)
            self._calibration_of = preset, fitted
        return self._calibration_of[1]

    def _file_now(self) -> tuple[int, int] | None:
        """Device and number of the catalog's file; None where there is none."""
        try:
            status = catalog_file(self.folder).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _leave_replaced(self) -> None:
        """Let go of an index in whose place there is another, or none, and of what it told."""
        assert self._index is not None
        self._index.close()
        self._index = self._preset = self._calibration_of = self._images_of = None

    def _forked(self) -> None:
        """Leave the parent's handles alone, even unclosed: closing one might drop its locks."""
        if self._index is not None:
            self._abandoned.append(self._index)
            self._index = None
        compute_alone()
        search_alone()

    def _preset_of(self, index: Index) -> Preset:
        manifest = index.catalog.manifest
        return load_preset(self.asked_preset or manifest.settings.get("source") or manifest.preset)
