"""Building of a curation: the engines that its config names, and the stages that ask them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock

from model.curation.captioner import AbsentCaptioner, Captioner
from model.curation.config import CurationConfig, MaskSettings
from model.curation.engines.preset_grounder import PresetGrounder
from model.curation.engines.registry import CAPTIONERS, GROUNDERS, EngineContext
from model.curation.filters import PairFilters
from model.curation.grounder import Grounder
from model.curation.last_segments import LastSegments
from model.curation.manifest import Engine
from model.curation.mask_maker import MaskMaker
from model.curation.own_segments import OwnSegments
from model.curation.parquet_shards import required_pyarrow
from model.curation.phrases import Phraser
from model.curation.stages import (
    BoxStage,
    CaptionStage,
    MaskStage,
    PairStage,
    PhraseStage,
    Stage,
)
from model.presets.preset import Models, load_preset
from model.referring.referrer import Referrer
from model.segmenter import Segmenter
from model.task import Needs


@dataclass(frozen=True, eq=False)
class Curation:
    """Stages that are built, with what they are made of.

    Attributes:
        config: config that they follow.
        photos: folder of the photos.
        stages: stages in their order.
        engines: engines that have a say, for the manifest.
    """

    config: CurationConfig
    photos: Path
    stages: tuple[Stage, ...]
    engines: tuple[Engine, ...]

    @property
    def needs(self) -> Needs:
        """Needs of a process that does the stages that look, where presets do; of the published
        engines only that they like a GPU."""
        config, needs = self.config, Needs.of(load_preset(self.config.masks.preset))
        kinds = [CAPTIONERS[each.engine] for each in config.captions]
        published = config.boxes.engine != "preset" or any(kind.looks for kind in kinds)
        together = max(stage.batch for stage in self.stages if stage.looks)
        return replace(needs, gpu=needs.gpu or published, together=together)


def build(config: CurationConfig, photos: Path) -> Curation:
    """The stages that a config asks for.

    Args:
        config: the config.
        photos: folder of the photos.

    Raises:
        CurationError, DataError, ExtraMissing, ModelError: an engine cannot be made.
    """
    if config.shards.format == "parquet":
        required_pyarrow()  # now, not when all is made and shall be written
    parts = _Parts(config, photos, everywhere=True)
    engines = [Engine("captions", each.name, each.fingerprint) for each in parts.captioners]
    phraser, grounder = parts.phraser, parts.grounder
    engines.append(Engine("phrases", "parser" if phraser.grows else "lists", phraser.fingerprint))
    engines.append(Engine("boxes", grounder.name, grounder.fingerprint))
    engines.append(Engine("masks", parts.preset.name, parts.drawing))
    return Curation(config, photos, parts.stages(), tuple(engines))


def build_looks(config: CurationConfig, photos: Path) -> tuple[Stage, ...]:
    """Of the stages that a config asks for those that look at photos; arguments and errors as of
    `build`. Engines of the others are not made, since they may need secrets."""
    stages = _Parts(config, photos, everywhere=False).stages()
    return tuple(stage for stage in stages if stage.looks)


def build_maker(rules: MaskSettings, segmenter: Segmenter) -> MaskMaker:
    """The maker of masks that a config's [masks] asks for.

    Args:
        rules: settings of the masks.
        segmenter: segmenter of their preset.
    """
    drawing = OwnSegments(segmenter) if rules.own else segmenter
    return MaskMaker(drawing, rules.smallest, rules.covered, rules.outside)


def preset_models() -> Callable[[str], Models]:
    """Models of presets by their names, each built once, whose segmenters remember a photo."""

    @lru_cache(maxsize=2)
    def models(name: str) -> Models:
        built = load_preset(name).build()
        return replace(built, segmenter=LastSegments(built.segmenter))

    return models


class _Parts:
    """Engines and models of a config; captioners that do not look are made only `everywhere`."""

    def __init__(self, config: CurationConfig, photos: Path, *, everywhere: bool) -> None:
        self.config, models = config, preset_models()
        context = EngineContext(photos, config.beside, config.prompts, models)
        kinds = [CAPTIONERS[choice.engine] for choice in config.captions]
        self.captioners: list[Captioner] = [
            kind.build(choice.settings, context) if everywhere or kind.looks else AbsentCaptioner()
            for kind, choice in zip(kinds, config.captions, strict=True)
        ]
        self.look = [kind.looks for kind in kinds]
        self.phraser = Phraser.best(config.phrases)
        self.grounder: Grounder = GROUNDERS[config.boxes.engine].build(
            config.boxes.settings, context
        )
        self.preset, self.models = load_preset(config.masks.preset), models(config.masks.preset)
        self.drawing = _digest(self.preset.fingerprint, config.masks)

    def stages(self) -> tuple[Stage, ...]:
        config, embedder = self.config, self.models.embedder
        captions = [
            CaptionStage(captioner, number, looks=looks)
            for number, (captioner, looks) in enumerate(
                zip(self.captioners, self.look, strict=True), 1
            )
        ]
        phrases = PhraseStage(self.phraser, captions)
        boxes = BoxStage(self.grounder, config.cleaning, phrases)
        maker = build_maker(config.masks, self.models.segmenter)
        masks = MaskStage(maker, Referrer(embedder), self.drawing, boxes)
        filters = PairFilters(config.filters, embedder)
        pairs = PairStage(config.merging.overlap, filters, _digest(config.filters), masks)
        masks.turn = pairs.turn = turn = Lock()
        if isinstance(self.grounder, PresetGrounder):  # presets share trunks
            boxes.turn = turn
        return (*captions, phrases, boxes, masks, pairs)


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
