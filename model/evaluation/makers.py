"""Makers of what a measurement looks with: each process that looks calls one, by names alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from model.curation.building import build_maker, preset_models
from model.curation.config import CurationConfig
from model.curation.engines.registry import GROUNDERS, EngineContext
from model.embedder import Embedder
from model.embedders.segment_cache import RememberedSegments
from model.evaluation.baselines import PlainFelzenszwalb
from model.evaluation.curation.measure import Placing
from model.evaluation.proposals.measure import ProposalModels
from model.evaluation.retrieval.proposed import Guidance
from model.presets.preset import Models, load_preset
from model.referring.global_local_referrer import GlobalLocalReferrer
from model.referring.referrer import Referrer
from model.referring.settings import GlobalLocalSettings
from model.segmenter import Segmenter

FELZENSZWALB = "felzenszwalb"


@lru_cache(maxsize=1)
def built(preset: str) -> Models:
    """Models of the preset that was named last, built once in a process.

    Args:
        preset: name of the preset, or its file.
    """
    return load_preset(preset).build()


def segmenters(preset: str, baselines: bool) -> dict[str, Segmenter]:
    """The preset's segmenter and, among baselines, the plain one, by the names of their columns."""
    own: dict[str, Segmenter] = {load_preset(preset).name: built(preset).segmenter}
    return own | ({FELZENSZWALB: PlainFelzenszwalb()} if baselines else {})


def seers(preset: str, baselines: bool) -> tuple[Embedder, Mapping[str, Segmenter]]:
    """The preset's embedder, and `segmenters`."""
    return built(preset).embedder, segmenters(preset, baselines)


def guidance(preset: str) -> Guidance:
    """What proposes masks beside a preset's own."""
    models, told = built(preset), load_preset(preset)
    remembering = RememberedSegments(models.embedder)
    proposer = told.build_proposer(replace(models, embedder=remembering))
    return Guidance(models.segmenter, remembering, proposer)


def proposal_models(preset: str) -> ProposalModels:
    """What `guidance` has, and the preset's calibration."""
    made = guidance(preset)
    told = load_preset(preset).calibration()
    return ProposalModels(made.segmenter, made.embedder, made.proposer, told)


def resolvers(
    preset: str, own_masks: bool, looks: GlobalLocalSettings | None
) -> tuple[Referrer, Segmenter | None]:
    """What resolves expressions, and the preset's segmenter where own masks are chosen from, too.

    Args:
        preset: name of the preset, or its file.
        own_masks: whether own masks are chosen from.
        looks: choices by which Global-Local CLIP takes the place of the preset's vectors; None:
            these are used.
    """
    segmenter = built(preset).segmenter if own_masks else None
    if looks is None:
        return Referrer(built(preset).embedder), segmenter
    return GlobalLocalReferrer.of(load_preset(preset), looks), segmenter


def placing(config: CurationConfig) -> Placing:
    """The stages of a curation from phrases to masks, and models of the plain try."""
    models = preset_models()
    own = models(config.masks.preset)
    context = EngineContext(config.beside, config.beside, config.prompts, models)
    grounder = GROUNDERS[config.boxes.engine].build(config.boxes.settings, context)
    maker = build_maker(config.masks, own.segmenter)
    return Placing(grounder, config.cleaning, maker, own.segmenter, own.embedder)
