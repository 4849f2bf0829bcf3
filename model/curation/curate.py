"""A curation from beginning to end: engines from the config, photos through the stages, shards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock

from model.curation.config import CurationConfig, MaskSettings
from model.curation.engines.preset_grounder import PresetGrounder
from model.curation.engines.registry import CAPTIONERS, GROUNDERS, EngineContext
from model.curation.filters import PairFilters
from model.curation.last_segments import LastSegments
from model.curation.manifest import Engine, Manifest
from model.curation.mask_maker import MaskMaker
from model.curation.near_duplicates import AGAIN, SeenPhotos
from model.curation.own_segments import OwnSegments
from model.curation.parquet_shards import ParquetShards, required_pyarrow
from model.curation.phrases import Phraser
from model.curation.pipeline import Pipeline
from model.curation.report import Report, ReportBuilder
from model.curation.report_page import write_report
from model.curation.shards import ShardWriter
from model.curation.source_photo import SourcePhoto
from model.curation.stage_store import StageStore
from model.curation.stages import (
    BoxStage,
    CaptionStage,
    MaskStage,
    PairStage,
    PhraseStage,
    Stage,
    read_pair,
)
from model.curation.webdataset_shards import WebDatasetShards
from model.presets.preset import Models, load_preset
from model.referring.referrer import Referrer
from model.segmenter import Segmenter

STORE = "stages.sqlite"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Curation:
    """Stages that are built, with what they are made of.

    Attributes:
        config: config that they follow.
        stages: stages in their order.
        engines: engines that have a say, for the manifest.
    """

    config: CurationConfig
    stages: tuple[Stage, ...]
    engines: tuple[Engine, ...]


def build(config: CurationConfig, photos: Path) -> Curation:
    """The stages that a config asks for.

    Args:
        config: the config.
        photos: folder of the photos.

    Raises:
        CurationError, DataError, ExtraMissing, ModelError: an engine cannot be made.
    """

    @lru_cache(maxsize=2)
    def models(name: str) -> Models:
        built = load_preset(name).build()
        return replace(built, segmenter=LastSegments(built.segmenter))

    if config.shards.format == "parquet":
        required_pyarrow()  # now, not when all is made and shall be written
    context = EngineContext(photos, config.beside, config.prompts, models)
    captioners = [
        CAPTIONERS[choice.engine].build(choice.settings, context) for choice in config.captions
    ]
    captions = [CaptionStage(each, number) for number, each in enumerate(captioners, 1)]
    phraser = Phraser.best(config.phrases)
    phrases = PhraseStage(phraser, captions)
    grounder = GROUNDERS[config.boxes.engine].build(config.boxes.settings, context)
    boxes = BoxStage(grounder, config.cleaning, phrases)
    preset, own = load_preset(config.masks.preset), models(config.masks.preset)
    drawing = _digest(preset.fingerprint, config.masks)
    maker = build_maker(config.masks, own.segmenter)
    masks = MaskStage(maker, Referrer(own.embedder), drawing, boxes)
    filters = PairFilters(config.filters, own.embedder)
    pairs = PairStage(config.merging.overlap, filters, _digest(config.filters), masks)
    masks.turn = pairs.turn = turn = Lock()
    if isinstance(grounder, PresetGrounder):  # presets share trunks
        boxes.turn = turn
    engines = [Engine("captions", each.name, each.fingerprint) for each in captioners]
    engines.append(Engine("phrases", "parser" if phraser.grows else "lists", phraser.fingerprint))
    engines.append(Engine("boxes", grounder.name, grounder.fingerprint))
    engines.append(Engine("masks", preset.name, drawing))
    return Curation(config, (*captions, phrases, boxes, masks, pairs), tuple(engines))


def build_maker(rules: MaskSettings, segmenter: Segmenter) -> MaskMaker:
    """The maker of masks that a config's [masks] asks for.

    Args:
        rules: settings of the masks.
        segmenter: segmenter of their preset.
    """
    drawing = OwnSegments(segmenter) if rules.own else segmenter
    return MaskMaker(drawing, rules.smallest, rules.covered, rules.outside)


def curate(
    curation: Curation,
    photos: Sequence[SourcePhoto],
    out: Path,
    progress: Progress,
    *,
    retry: bool = False,
) -> Report:
    """Make pairs of photos and write them, with a manifest and a report.

    A run that was stopped goes on where it was, and ends with the same bytes as one that was not.

    Args:
        curation: the stages.
        photos: photos, each content once.
        out: folder of the shards; made when missing.
        progress: told how many photos are through, and of how many.
        retry: whether photos that were set aside are tried again.

    Raises:
        CurationError, StorageFull: the folder cannot be used, or an engine is away.
    """
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    store = StageStore(work / STORE)
    try:
        if retry:
            store.forget_attempts()
        pipeline = Pipeline(curation.stages, store)
        progress(0, len(photos))
        for done, _ in enumerate(pipeline.run(photos), 1):
            progress(done, len(photos))
        return _written(curation, pipeline, photos, out)
    finally:
        store.close()


def _written(
    curation: Curation, pipeline: Pipeline, photos: Sequence[SourcePhoto], out: Path
) -> Report:
    """The shards, in the order of the photos' hashes, so that it does not matter who was first."""
    config = curation.config
    seen, report = SeenPhotos(config.filters.duplicates), ReportBuilder(curation.stages)
    kinds: type[ShardWriter] = ParquetShards
    if config.shards.format == "webdataset":
        kinds = WebDatasetShards
    with kinds(out, config.shards.pairs) as writer:
        for photo in sorted(photos, key=lambda photo: photo.content_hash):
            work = pipeline.known(photo)
            if work.failed is None and not seen.is_new(work.outcomes["boxes"]["hash"]):
                work.failed = ("pairs", AGAIN)
            report.add(work)
            if work.failed is None:
                pairs = work.outcomes["pairs"]["pairs"]
                writer.add(photo, [read_pair(pair, photo) for pair in pairs])
    told = report.finished()
    Manifest(
        config.to_dict(), config.prompts.version, curation.engines, told.counts, writer.shards
    ).write(out)
    write_report(told, out)
    return told


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
