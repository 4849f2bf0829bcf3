"""The kinds of segmenters and embedders that presets name: their settings, and how they are built.

Building is slow: it imports the libraries and reads the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from model.devices import CONVOLUTION_PRECISIONS, PRECISIONS
from model.errors import PresetInvalid, shown
from model.presets.settings import (
    Settings,
    check_section,
    device,
    number,
    numbers,
    one_of,
    switch,
    text,
    whole,
    whole_or_none,
    wholes,
)

if TYPE_CHECKING:
    from model.calibration import Calibration
    from model.embedder import Embedder
    from model.embeddings import EmbeddingSpace
    from model.segmenter import Segmenter
    from model.weights.weights import Weights

Model = TypeVar("Model")
Build = Callable[..., Model]
"""Builder of a model from the preset and the settings of its section."""

NO_VECTORS = ("calibration", "masks", "prompts", "proposer", "gates")
"""Roles of weights that judge scores or draw masks."""


class ModelSource(Protocol):
    """Preset, as far as the builders of its models know it."""

    @property
    def source(self) -> Path:
        """Path of the preset's file."""

    @property
    def weights(self) -> Mapping[str, Weights]:
        """Weight files by role."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def space(self) -> EmbeddingSpace:
        """Embedding space of the vectors."""

    @property
    def towers_fingerprint(self) -> str:
        """Hex digest of the frozen towers."""


@dataclass(frozen=True)
class Kind(Generic[Model]):
    """A kind of model.

    Attributes:
        build: makes one.
        settings: settings that its section may hold beside `kind`.
        calibration: calibration of the scores of its vectors.
        gpu: whether it runs on a GPU where there is one.
    """

    build: Build[Model]
    settings: Settings
    calibration: Callable[[ModelSource], Calibration | None] = lambda preset: None
    gpu: bool = False


def check_kind(file: Path, section: str, said: Any, kinds: Mapping[str, Kind[Any]]) -> None:
    """Whether a section names one of these kinds, and only settings that it has.

    Args:
        file: path named in the error message.
        section: its name.
        said: the section as it was read.
        kinds: kinds by their names.

    Raises:
        PresetInvalid: no; which key of which file, and what is allowed.
    """
    first = {"kind": replace(one_of(*kinds), needed=True)}
    if not isinstance(said, Mapping) or "kind" not in said:
        check_section(file, section, said if not isinstance(said, Mapping) else {}, first)
        return
    check_section(file, section, {"kind": said["kind"]}, first)
    check_section(file, section, said, first | dict(kinds[said["kind"]].settings))


def weights_path(preset: ModelSource, role: str) -> Path:
    """Path of a preset's weights, whose digest is right.

    Raises:
        PresetInvalid: no weights are named for that role.
        WeightsMissing, WeightsMismatch: files are not there, or others than the preset says.
    """
    if role not in preset.weights:
        raise PresetInvalid(
            f"{shown(preset.source)} names no weights for '{role}', which its models need",
            f"add [weights.{role}]",
        )
    return preset.weights[role].checked_path()


def _felzenszwalb(preset: ModelSource, **settings: Any) -> Segmenter:
    from model.segmenters.classical.felzenszwalb import FelzenszwalbSegmenter

    return FelzenszwalbSegmenter(**settings)


def _dense(preset: ModelSource, **settings: Any) -> Segmenter:
    from model.segmenters.dense.segmenter import DenseSegmenter

    questions = weights_path(preset, "prompts") if "prompts" in preset.weights else None
    return DenseSegmenter(
        weights_path(preset, "masks"), weights_path(preset, "trunk"), prompts=questions, **settings
    )


def _colour_regions(preset: ModelSource, **settings: Any) -> Segmenter:
    from model.segmenters.classical.colour_regions import ColourRegionSegmenter

    return ColourRegionSegmenter(**settings)


def _sam(preset: ModelSource, **settings: Any) -> Segmenter:
    from model.segmenters.sam.segmenter import SamSegmenter

    return SamSegmenter(weights_path(preset, "masks"), **settings)


def _transformers_sam(preset: ModelSource, **settings: Any) -> Segmenter:
    from model.segmenters.sam.transformers_segmenter import TransformersSegmenter

    path = weights_path(preset, "masks")
    return TransformersSegmenter(path if path.is_dir() else path.parent, **settings)


def _universal(preset: ModelSource, **settings: Any) -> Embedder:
    from model.embedders.universal import UniversalEmbedder, UniversalFiles, UniversalSettings

    roles = (field.name for field in fields(UniversalFiles))
    files = {role: weights_path(preset, role) for role in roles if role in preset.weights}
    return UniversalEmbedder.load(
        preset.space,
        weights_path(preset, "head"),
        UniversalFiles(**files),
        UniversalSettings(**settings),
    )


def _colour_words(preset: ModelSource, **settings: Any) -> Embedder:
    from model.embedders.colour_words import DIMENSION, ColourWordEmbedder

    if preset.dimension != DIMENSION:
        raise PresetInvalid(
            f"{shown(preset.source)}: dimension is {preset.dimension}",
            f"give {DIMENSION}, as many as colour-words has",
        )
    return ColourWordEmbedder(preset.space, **settings)


def _towers(preset: ModelSource, **settings: Any) -> Embedder:
    from model.embedders.tower_settings import TowerSettings
    from model.embedders.towers import TowersEmbedder

    files = {
        role: each.checked_path() for role, each in preset.weights.items() if role not in NO_VECTORS
    }
    return TowersEmbedder.load(
        preset.space, TowerSettings(**settings), files, preset.towers_fingerprint
    )


def _fitted_calibration(preset: ModelSource) -> Calibration | None:
    from model.calibration import Calibration

    fitted = preset.weights.get("calibration")
    return Calibration.load(fitted.checked_path()) if fitted else None


def _colour_calibration(preset: ModelSource) -> Calibration:
    from model.embedders.colour_words import colour_calibration

    return colour_calibration()


_SHARE = number(0, 1)
_POINT_GRID: Settings = {
    "side": whole(32),
    "precision": one_of(*PRECISIONS),
    "device": device(),
    "points_per_side": whole(1),
    "points_per_batch": whole(1),
    "pred_iou_thresh": number(),
    "stability_score_thresh": number(most=1),
    "stability_score_offset": number(0),
    "box_nms_thresh": _SHARE,
    "crop_n_layers": whole(0, 5),  # 1,024 crops
    "crop_nms_thresh": _SHARE,
    "crop_overlap_ratio": number(0, 0.95),
    "crop_n_points_downscale_factor": whole(1),
    "min_mask_region_area": whole(0),
}
SEGMENTERS: Mapping[str, Kind[Segmenter]] = {
    "dense": Kind(
        _dense,
        {
            "side": whole(32),
            "views": wholes(32, multiple=32),
            "pieces": whole(0),
            "piece_side": whole(32, multiple=32),
            "precision": one_of(*CONVOLUTION_PRECISIONS),
        },
    ),
    "felzenszwalb": Kind(
        _felzenszwalb,
        {
            "side": whole(32),
            "scales": numbers(),
            "merged": whole(0),
            "sigma": number(0),
            "smallest": _SHARE,
            "largest": _SHARE,
            "most": whole(1),
            "overlap": _SHARE,
        },
    ),
    "colour-regions": Kind(
        _colour_regions, {"side": whole(8), "min_area": _SHARE, "most": whole(1)}
    ),
    "sam": Kind(_sam, {**_POINT_GRID, "compiled": switch()}, gpu=True),
    "transformers-sam": Kind(_transformers_sam, _POINT_GRID, gpu=True),
}
EMBEDDERS: Mapping[str, Kind[Embedder]] = {
    "universal": Kind(
        _universal,
        {
            "views": wholes(32, multiple=32),
            "class_views": wholes(32, multiple=32),
            "pieces": whole(0),
            "piece_side": whole(32, multiple=32),
            "precision": one_of(*CONVOLUTION_PRECISIONS),
        },
        _fitted_calibration,
    ),
    "colour-words": Kind(_colour_words, {"side": whole(8)}, _colour_calibration),
    "towers": Kind(
        _towers,
        {
            "architecture": text(needed=True),
            "tag": text(),
            "method": one_of("text-region", "corr-clip"),
            "side": whole(32),  # no patch is larger
            "dino_side": whole(32),
            "tiles": whole_or_none(32),
            "precision": one_of(*PRECISIONS),
            "normalise": switch(),
            "mlp": switch(),
        },
        _fitted_calibration,
        gpu=True,
    ),
}
