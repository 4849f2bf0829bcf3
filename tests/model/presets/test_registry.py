"""What presets may say of their models, and what the models take, are the same."""

import dataclasses
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.embedders.colour_words import ColourWordEmbedder
from model.embedders.tower_settings import TowerSettings
from model.embedders.universal import UniversalSettings
from model.errors import PresetInvalid
from model.presets.registry import EMBEDDERS, SEGMENTERS, check_kind
from model.segmenters.classical.colour_regions import ColourRegionSegmenter
from model.segmenters.classical.felzenszwalb import FelzenszwalbSegmenter
from model.segmenters.dense.segmenter import DenseSegmenter
from model.segmenters.sam.generation.generator import MaskGenerator
from model.segmenters.sam.segmenter import SamSegmenter
from model.segmenters.sam.transformers_segmenter import TransformersSegmenter

FILE = Path("own.toml")
# what is no setting: files, what a preset gives itself, and what TOML cannot say
OTHERS = {
    "weights", "trunk", "prompts", "selection", "folder", "settings", "model", "point_grids",
    "output_mode", "space", "_grids",
}  # fmt: skip


def parameters(*callables: Callable[..., Any]) -> dict[str, Any]:
    """Settings and their defaults, of a constructor and of what it hands the others on to."""
    found = [p for each in callables for p in inspect.signature(each).parameters.values()]
    return {p.name: p.default for p in found if p.name not in OTHERS}


MODELS = {
    "dense": parameters(DenseSegmenter),
    "felzenszwalb": parameters(FelzenszwalbSegmenter),
    "colour-regions": parameters(ColourRegionSegmenter),
    "sam": parameters(SamSegmenter, MaskGenerator),
    "transformers-sam": parameters(TransformersSegmenter, MaskGenerator),
    "universal": parameters(UniversalSettings),
    "colour-words": parameters(ColourWordEmbedder),
    "towers": parameters(TowerSettings),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_kind_has_the_settings_that_its_model_takes(name: str) -> None:
    kinds: dict[str, Any] = {**SEGMENTERS, **EMBEDDERS}
    settings, taken = kinds[name].settings, MODELS[name]
    assert set(settings) == set(taken)
    for key, default in taken.items():
        if default is inspect.Parameter.empty:
            assert settings[key].needed
        else:
            value = list(default) if isinstance(default, tuple) else default
            assert settings[key].allows(value), key


def test_every_kind_was_looked_at() -> None:
    assert set(MODELS) == {*SEGMENTERS, *EMBEDDERS}


@pytest.mark.parametrize(
    ("kind", "key", "wrong", "allowed"),
    [
        ("sam", "points_per_side", "many", "a whole number of 1 or more"),
        ("sam", "points_per_side", 0, "1 or more"),
        ("sam", "points_per_side", True, "a whole number"),
        ("sam", "points_per_side", 32.0, "a whole number"),
        ("sam", "crop_n_layers", 40, "from 0 to 5"),
        ("sam", "pred_iou_thresh", math.nan, "a number"),
        ("sam", "pred_iou_thresh", math.inf, "a number"),
        ("sam", "stability_score_thresh", 95, "1 or less"),
        ("sam", "box_nms_thresh", -0.1, "from 0 to 1"),
        ("sam", "device", "cuda:first", "cuda:0"),
        ("sam", "precision", "int4", "auto, float32, bfloat16, float16"),
        ("sam", "compiled", "yes", "true or false"),
        ("transformers-sam", "compiled", True, "points_per_side"),
        ("dense", "side", 16, "32 or more"),
        ("dense", "pieces", -1, "0 or more"),
        ("dense", "piece_side", 100, "a multiple of 32"),
        ("felzenszwalb", "scales", [], "a list of numbers above 0"),
        ("felzenszwalb", "scales", [50, "wide"], "a list of numbers above 0"),
        ("sam", "points_per_sied", 32, "points_per_side, points_per_batch"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed(
    kind: str, key: str, wrong: object, allowed: str
) -> None:
    with pytest.raises(PresetInvalid) as told:
        check_kind(FILE, "segmenter", {"kind": kind, key: wrong}, SEGMENTERS)
    assert told.value.what.startswith("own.toml: [segmenter] ")
    assert key in told.value.what
    assert allowed in told.value.fix
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("said", [3, {}, {"kind": "telepathy"}, {"kind": ["sam"]}, {"side": 64}])
def test_a_section_names_a_kind_that_there_is(said: object) -> None:
    with pytest.raises(PresetInvalid, match=r"own\.toml: .*segmenter"):
        check_kind(FILE, "segmenter", said, SEGMENTERS)


def test_a_section_may_have_all_its_defaults_written_out() -> None:
    written = {f.name: f.default for f in dataclasses.fields(TowerSettings)}
    check_kind(
        FILE, "embedder", {"kind": "towers", **written, "architecture": "ViT-B-16"}, EMBEDDERS
    )
    with pytest.raises(PresetInvalid, match="does not say architecture"):
        check_kind(FILE, "embedder", {"kind": "towers"}, EMBEDDERS)
    with pytest.raises(PresetInvalid, match="multiple of 32"):
        check_kind(FILE, "embedder", {"kind": "universal", "views": [448, 450]}, EMBEDDERS)
    with pytest.raises(PresetInvalid, match="0, or a whole number of 32 or more"):
        check_kind(FILE, "embedder", {"kind": "towers", "architecture": "x", "tiles": 8}, EMBEDDERS)
