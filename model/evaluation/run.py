"""Measuring a preset from beginning to end: build it, look at the photos, make the tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.curation.config import CurationConfig
from model.curation.curate import build_maker
from model.curation.engines.registry import GROUNDERS, EngineContext
from model.curation.last_segments import LastSegments
from model.curation.phrases import Phraser
from model.datasets.ground_truth import LEAST_SHARE, Truth, regions_of
from model.datasets.label_maps import LabelledPhotos
from model.datasets.referring_expressions import ReferringSet
from model.embedders.segment_cache import RememberedSegments
from model.errors import DataError, shown
from model.evaluation.baselines import PlainFelzenszwalb
from model.evaluation.curation.measure import Placing, judged_photos, measure_curation
from model.evaluation.masks.mask_recall import Progress, measure_masks
from model.evaluation.proposals.measure import measure_proposals
from model.evaluation.referring.answer_tables import referring_tables
from model.evaluation.referring.measure import answer
from model.evaluation.retrieval.observations import Proposals, observe
from model.evaluation.retrieval.phrase_table import each_phrase
from model.evaluation.retrieval.proposed import Guidance, ProposedMasks, Vectors, proposed_masks
from model.evaluation.retrieval.retrieval import measure_retrieval
from model.evaluation.semantic.mean_iou import SCALE, measure_labels
from model.evaluation.tables import Measured, Table
from model.language.question import understand
from model.presets.preset import Models, Preset, load_preset
from model.referring.global_local_referrer import GlobalLocalReferrer
from model.referring.referrer import Referrer
from model.referring.settings import GlobalLocalSettings
from model.segmenter import Segmenter

FELZENSZWALB = "felzenszwalb"
PHOTOS = 10  # photos of a phrase in which masks are proposed, as a search has it


def evaluate_retrieval(
    preset: Preset,
    truth: Truth,
    split: str,
    progress: Progress,
    unseen: Sequence[str] = (),
    baselines: bool = True,
    most: int = 0,
    per_phrase: bool = False,
) -> Measured:
    """Words → segments and photos.

    Args:
        preset: preset that is measured.
        truth: the photos.
        split: name of the photos' split, for the report.
        progress: told how many photos are done, and of how many.
        unseen: phrases that were held out of training.
        baselines: whether felzenszwalb's masks, crops of the true regions and ImageNet's names
            are measured too; they take longer than the preset.
        most: masks that are proposed for a phrase in each of its ten best photos; 0: none.
        per_phrase: whether the figures of each phrase are told, too.
    """
    start, models = time.perf_counter(), preset.build()

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        # as a search reads them
        return models.embedder.embed_texts([understand(text).words for text in texts]).vectors

    def propose(own: Proposals, texts: Sequence[str], queries: Vectors) -> ProposedMasks:
        remembering = RememberedSegments(models.embedder)
        proposer = preset.build_proposer(replace(models, embedder=remembering))
        guidance = Guidance(models.segmenter, remembering, proposer, PHOTOS, most)
        words = [understand(text).words for text in texts]
        return proposed_masks(truth, own, texts, words, queries, guidance, progress)

    segmenters = _segmenters(preset, models, baselines)
    observations = observe(
        truth, models.embedder, segmenters, progress, baselines, preset.image_side
    )
    asked = propose if most else None
    tables = measure_retrieval(truth, observations, preset.name, encode, unseen, asked)
    measured = _measured("retrieval", preset, split, len(truth.photos), start, tables)
    if not (per_phrase and observations.phrases):
        return measured
    return replace(measured, phrases=each_phrase(truth, observations, preset.name, encode))


def evaluate_masks(
    preset: Preset,
    truth: Truth,
    split: str,
    progress: Progress,
    annotator: int = 0,
    baselines: bool = True,
    least: float = LEAST_SHARE,
) -> Measured:
    """Masks against outlined regions; arguments as above and as of `measure_masks`. Photos are read
    as the preset has an index read them.

    Raises:
        DataError: none of the photos has regions that are asked for, or nobody of that number
            outlined any.
    """
    known = {region.annotator for photo in truth.photos for region in photo.regions} - {None}
    if annotator not in (known or {0}):
        there = ", ".join(map(str, sorted(known, key=str))) or "0, as nobody is told apart"
        raise DataError(f"there is no annotator {annotator} of these photos", f"choose {there}")
    asked = sum(bool(regions_of(photo, annotator, least)) for photo in truth.photos)
    if not asked:
        raise DataError("these photos have no outlined regions", "choose another source")
    start, models = time.perf_counter(), preset.build()
    segmenters = _segmenters(preset, models, baselines)
    side = preset.image_side
    table = measure_masks(truth, segmenters, progress, annotator, least, side)
    return _measured("masks", preset, split, asked, start, [table])


def evaluate_proposals(preset: Preset, truth: Truth, split: str, progress: Progress) -> Measured:
    """Masks that are proposed for words, beside those of the index; arguments as above.

    Raises:
        DataError: none of the photos has a named region.
    """
    asked = sum(any(region.phrases for region in regions_of(photo, 0)) for photo in truth.photos)
    if not asked:
        raise DataError("these photos have no named regions", "choose another source")
    start, models = time.perf_counter(), preset.build()
    remembering = RememberedSegments(models.embedder)
    proposer = preset.build_proposer(replace(models, embedder=remembering))
    tables = measure_proposals(
        truth, models.segmenter, remembering, proposer, preset.calibration(), progress
    )
    return _measured("proposals", preset, split, asked, start, tables)


def evaluate_labels(
    preset: Preset,
    labelled: LabelledPhotos,
    split: str,
    progress: Progress,
    scale: float = SCALE,
    baselines: bool = True,
) -> Measured:
    """A class for every pixel; arguments as above and as of `measure_labels`."""
    start, models = time.perf_counter(), preset.build()
    table = measure_labels(
        labelled,
        models.embedder,
        _segmenters(preset, models, baselines),
        preset.image_side,
        progress,
        scale,
    )
    return _measured("semantic", preset, split, len(labelled.photos), start, [table])


def evaluate_referring(
    preset: Preset,
    asked: ReferringSet,
    split: str,
    progress: Progress,
    own_masks: bool = True,
    looks: GlobalLocalSettings | None = None,
) -> Measured:
    """Referring expressions → regions; arguments as above.

    Args:
        preset: preset that is measured.
        asked: the expressions.
        split: name of the photos' split, for the report.
        progress: told how many photos are done, and of how many.
        own_masks: whether the preset's own masks are chosen from, too; takes longer.
        looks: choices by which Global-Local CLIP takes the place of the preset's vectors; None:
            these are used.

    Raises:
        DataError: nothing is asked.
        PresetInvalid: the preset has no CLIP that Global-Local CLIP could look with.
    """
    if not asked.cases:
        raise DataError(
            "no expression can be made of these photos' regions",
            "choose other photos, or give --expressions",
        )
    start, models = time.perf_counter(), preset.build()
    segmenter = models.segmenter if own_masks else None
    referrer = Referrer(models.embedder) if looks is None else GlobalLocalReferrer.of(preset, looks)
    answers = answer(asked, referrer, segmenter, progress)
    photos = len({case.photo for case in asked.cases})
    return _measured("referring", preset, split, photos, start, referring_tables(answers))


def evaluate_curation(
    config: CurationConfig, truths: Mapping[str, Truth], progress: Progress
) -> Measured:
    """Masks that a curation gives to phrases of captions, against regions of those names.

    Args:
        config: config of the curation; its captions are not used.
        truths: the photos of each split, by its name.
        progress: told how many photos are done, and of how many.

    Raises:
        CurationError, ExtraMissing, ModelError: an engine cannot be made.
        DataError: no phrase of the photos' captions names a region.
    """
    asked = judged_photos(truths, Phraser.best(config.phrases))
    if not asked:
        raise DataError(
            "no caption of these photos names a region of its photo",
            "choose photos that have both, as coco's",
        )
    start = time.perf_counter()

    @lru_cache(maxsize=2)
    def models(name: str) -> Models:
        built = load_preset(name).build()
        return replace(built, segmenter=LastSegments(built.segmenter))

    preset, own = load_preset(config.masks.preset), models(config.masks.preset)
    context = EngineContext(config.beside, config.beside, config.prompts, models)
    grounder = GROUNDERS[config.boxes.engine].build(config.boxes.settings, context)
    placing = Placing(grounder, config.cleaning, build_maker(config.masks, own.segmenter))
    tables = measure_curation(asked, placing, own.segmenter, own.embedder, progress)
    return _measured("curation", preset, ", ".join(truths), len(asked), start, tables)


def read_phrases(file: Path) -> list[str]:
    """The lines of a file, those that are empty left out.

    Raises:
        DataError: there is no such file, or it is no text.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{shown(file)} cannot be read ({error})", "name a text file with one phrase a line"
        ) from error
    return [line.strip() for line in lines if line.strip()]


def _segmenters(preset: Preset, models: Models, baselines: bool) -> dict[str, Segmenter]:
    own: dict[str, Segmenter] = {preset.name: models.segmenter}
    return own | ({FELZENSZWALB: PlainFelzenszwalb()} if baselines else {})


def _measured(
    task: str, preset: Preset, split: str, photos: int, start: float, tables: Sequence[Table]
) -> Measured:
    seconds = time.perf_counter() - start
    return Measured(task, preset.name, preset.fingerprint, split, photos, seconds, tuple(tables))
