"""The kinds of proposers that presets name: what draws masks for the words of a query."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.presets.registry import Kind, ModelSource, weights_path
from model.presets.settings import Settings, device, number, whole

if TYPE_CHECKING:
    from model.embedder import Embedder
    from model.proposals.proposer import Proposer
    from model.segmenter import Segmenter

DEFAULT_PROPOSER = {"kind": "candidates"}


def _candidates(
    preset: ModelSource, segmenter: Segmenter, embedder: Embedder, **settings: Any
) -> Proposer:
    from model.proposals.candidates import CandidateProposer

    return CandidateProposer(segmenter, embedder, **settings)


def _grounding_dino(
    preset: ModelSource, segmenter: Segmenter, embedder: Embedder, **settings: Any
) -> Proposer:
    from model.proposals.concepts import GroundedProposer

    return GroundedProposer.load(_folder(preset), segmenter, **settings)


def _sam3(
    preset: ModelSource, segmenter: Segmenter, embedder: Embedder, **settings: Any
) -> Proposer:
    from model.proposals.concepts import ConceptProposer

    return ConceptProposer.load(_folder(preset), **settings)


def _query_host(
    preset: ModelSource, segmenter: Segmenter, embedder: Embedder, **settings: Any
) -> Proposer:
    from model.proposals.host_proposer import HostProposer

    return HostProposer.load(_folder(preset), weights_path(preset, "gates"), **settings)


def _folder(preset: ModelSource) -> Path:
    """Folder of the published model, also where one file of it is named."""
    path = weights_path(preset, "proposer")
    return path if path.is_dir() else path.parent


_PUBLISHED: Settings = {"least": number(0, 1), "device": device()}
PROPOSERS: Mapping[str, Kind[Proposer]] = {
    "candidates": Kind(_candidates, {"depth": whole(1)}),
    "grounding-dino": Kind(_grounding_dino, _PUBLISHED, gpu=True),
    "sam3": Kind(_sam3, _PUBLISHED, gpu=True),
    "query-host": Kind(_query_host, {"side": whole(32, multiple=32)}),
}
