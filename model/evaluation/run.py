"""Measuring a preset from beginning to end: build it, look at the photos, make the tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.curation.config import CurationConfig
from model.curation.phrases import Phraser
from model.datasets.ground_truth import LEAST_SHARE, Truth, regions_of
from model.datasets.label_maps import LabelledPhotos
from model.datasets.referring_expressions import ReferringSet
from model.errors import DataError, shown
from model.evaluation import makers
from model.evaluation.curation.measure import judged_photos, measure_curation
from model.evaluation.looking import Looking
from model.evaluation.masks.mask_recall import measure_masks
from model.evaluation.proposals.measure import measure_proposals
from model.evaluation.referring.answer_tables import referring_tables
from model.evaluation.referring.measure import answer
from model.evaluation.retrieval.observations import Proposals, observe
from model.evaluation.retrieval.phrase_table import each_phrase
from model.evaluation.retrieval.proposed import ProposedMasks, Vectors, proposed_masks
from model.evaluation.retrieval.retrieval import measure_retrieval
from model.evaluation.semantic.mean_iou import SCALE, measure_labels
from model.evaluation.tables import Measured, Table
from model.language.question import understand
from model.presets.preset import Preset, load_preset
from model.referring.settings import GlobalLocalSettings
from model.task import Needs

PHOTOS = 10  # photos of a phrase in which masks are proposed, as a search has it


def evaluate_retrieval(
    preset: Preset,
    truth: Truth,
    split: str,
    looking: Looking,
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
        looking: way in which the photos are looked at.
        unseen: phrases that were held out of training.
        baselines: whether felzenszwalb's masks, crops of the true regions and ImageNet's names
            are measured too; they take longer than the preset.
        most: masks that are proposed for a phrase in each of its ten best photos; 0: none.
        per_phrase: whether the figures of each phrase are told, too.
    """
    start, name = time.perf_counter(), preset.reference
    looking = looking.with_needs(Needs.of(preset))

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        # as a search reads them
        words = [understand(text).words for text in texts]
        return makers.built(name).embedder.embed_texts(words).vectors

    seers = partial(makers.seers, name, baselines)
    seen, observations = observe(truth, seers, looking, baselines, preset.image_side)

    def propose(own: Proposals, texts: Sequence[str], queries: Vectors) -> ProposedMasks:
        words, guidance = [understand(text).words for text in texts], partial(makers.guidance, name)
        return proposed_masks(seen, own, texts, words, queries, guidance, PHOTOS, most, looking)

    asked = propose if most else None
    tables = measure_retrieval(seen, observations, preset.name, encode, unseen, asked)
    measured = _measured("retrieval", preset, split, len(seen.photos), start, tables, looking)
    if not (per_phrase and observations.phrases):
        return measured
    return replace(measured, phrases=each_phrase(seen, observations, preset.name, encode))


def evaluate_masks(
    preset: Preset,
    truth: Truth,
    split: str,
    looking: Looking,
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
    start, looking = time.perf_counter(), looking.with_needs(Needs.of(preset))
    segmenters = partial(makers.segmenters, preset.reference, baselines)
    table = measure_masks(truth, segmenters, looking, annotator, least, preset.image_side)
    return _measured("masks", preset, split, asked, start, [table], looking)


def evaluate_proposals(preset: Preset, truth: Truth, split: str, looking: Looking) -> Measured:
    """Masks that are proposed for words, beside those of the index; arguments as above.

    Raises:
        DataError: none of the photos has a named region.
    """
    asked = sum(any(region.phrases for region in regions_of(photo, 0)) for photo in truth.photos)
    if not asked:
        raise DataError("these photos have no named regions", "choose another source")
    start, looking = time.perf_counter(), looking.with_needs(Needs.of(preset))
    models = partial(makers.proposal_models, preset.reference)
    tables = measure_proposals(truth, models, looking)
    return _measured("proposals", preset, split, asked, start, tables, looking)


def evaluate_labels(
    preset: Preset,
    labelled: LabelledPhotos,
    split: str,
    looking: Looking,
    scale: float = SCALE,
    baselines: bool = True,
) -> Measured:
    """A class for every pixel; arguments as above and as of `measure_labels`."""
    start, looking = time.perf_counter(), looking.with_needs(Needs.of(preset))
    seers = partial(makers.seers, preset.reference, baselines)
    table = measure_labels(labelled, seers, preset.image_side, looking, scale)
    return _measured("semantic", preset, split, len(labelled.photos), start, [table], looking)


def evaluate_referring(
    preset: Preset,
    asked: ReferringSet,
    split: str,
    looking: Looking,
    own_masks: bool = True,
    looks: GlobalLocalSettings | None = None,
) -> Measured:
    """Referring expressions → regions; arguments as above.

    Args:
        preset: preset that is measured.
        asked: the expressions.
        split: name of the photos' split, for the report.
        looking: way in which the photos are looked at.
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
    start, looking = time.perf_counter(), looking.with_needs(Needs.of(preset))
    answers = answer(asked, partial(makers.resolvers, preset.reference, own_masks, looks), looking)
    photos = len({case.photo for case in asked.cases})
    tables = referring_tables(answers)
    return _measured("referring", preset, split, photos, start, tables, looking)


def evaluate_curation(
    config: CurationConfig, truths: Mapping[str, Truth], looking: Looking
) -> Measured:
    """Masks that a curation gives to phrases of captions, against regions of those names.

    Args:
        config: config of the curation; its captions are not used.
        truths: the photos of each split, by its name.
        looking: way in which the photos are looked at.

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
    start, preset = time.perf_counter(), load_preset(config.masks.preset)
    looking = looking.with_needs(Needs.of(preset))
    tables = measure_curation(asked, partial(makers.placing, config), looking)
    return _measured("curation", preset, ", ".join(truths), len(asked), start, tables, looking)


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


def _measured(
    task: str,
    preset: Preset,
    split: str,
    photos: int,
    start: float,
    tables: Sequence[Table],
    looking: Looking,
) -> Measured:
    seconds = time.perf_counter() - start
    return Measured(
        task,
        preset.name,
        preset.fingerprint,
        split,
        photos,
        seconds,
        tuple(tables),
        left_out=tuple(looking.left_out),
    )
