"""Curation measured on squares that are where their captions say, elsewhere, and nowhere."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.curation.box_cleaning import BoxCleaning
from model.curation.engines.preset_grounder import PresetGrounder
from model.curation.mask_maker import MaskMaker
from model.curation.own_segments import OwnSegments
from model.curation.phrases import Phraser, PhraseSettings
from model.datasets.ground_truth import Region, TruePhoto, Truth
from model.evaluation.curation.measure import Placing, judged_photos, measure_curation
from model.evaluation.looking import Looking
from model.evaluation.tables import Table
from model.masks import rle
from model.presets.preset import load_preset

SIZE = (60, 80)
PAINTS = {"red": (200, 20, 20), "blue": (20, 20, 200), "green": (20, 160, 20)}


def square(place: int) -> NDArray[np.bool_]:
    mask = np.zeros(SIZE, np.bool_)
    mask[5:30, 26 * place : 26 * place + 24] = True
    return mask


def painted(
    folder: Path, name: str, caption: str, shown: list[str], named: dict[str, int]
) -> TruePhoto:
    """A photo of squares of the colours `shown`, with regions at the places `named`."""
    pixels = np.full((*SIZE, 3), 255, np.uint8)
    for place, colour in enumerate(shown):
        pixels[square(place)] = PAINTS[colour]
    PillowImage.fromarray(pixels).save(folder / f"{name}.png")
    regions = tuple(
        Region(rle.encode(square(place)[None])[0], (f"{colour} square",), "object", None)
        for colour, place in named.items()
    )
    captions = (caption,) if caption else ()
    return TruePhoto("paints", folder / f"{name}.png", SIZE, regions, captions)


@pytest.fixture
def truths(tmp_path: Path) -> dict[str, Truth]:
    told = "a red square and a blue square"
    holdout = [
        painted(tmp_path, "right", told, ["red", "blue"], {"red": 0, "blue": 1}),
        painted(tmp_path, "not said", "", ["red"], {"red": 0}),
        painted(tmp_path, "not there", "a green square", ["red"], {"red": 0}),
    ]
    val = [
        # nothing green is to be seen where the third square is said to be
        painted(tmp_path, "unseen", "a red square and a green square", ["red"],
                {"red": 0, "green": 2}),
        painted(tmp_path, "elsewhere", told, ["red", "blue"], {"blue": 0}),
    ]  # fmt: skip
    names = {"paints": frozenset(f"{colour} square" for colour in PAINTS)}
    return {
        "holdout": Truth(tuple(holdout), names, frozenset()),
        "val": Truth(tuple(val), names, frozenset()),
    }


def measured(truths: dict[str, Truth], told: list[tuple[int, int]]) -> tuple[Table, ...]:
    models = load_preset("colours").build()
    grounder = PresetGrounder(models.segmenter, models.embedder, "colours", "abc")
    maker = MaskMaker(OwnSegments(models.segmenter))
    placing = Placing(grounder, BoxCleaning(), maker, models.segmenter, models.embedder)
    asked = judged_photos(truths, Phraser(PhraseSettings(), None))
    assert [photo.truth.path.stem for photo in asked] == ["right", "unseen", "elsewhere"]
    return measure_curation(
        asked, lambda: placing, Looking(lambda done, of: told.append((done, of)))
    )


def test_figures_by_hand(truths: dict[str, Truth]) -> None:
    told: list[tuple[int, int]] = []
    tables = measured(truths, told)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert [table.title.split(":")[0] for table in tables] == [
        "split holdout", "split holdout", "split val", "split val",
        "split holdout and val", "split holdout and val",
    ]  # fmt: skip
    every = "right, of all judged (no mask is wrong)"
    assert tables[0].rows[0].count == 2
    assert tables[0].rows[0].figures == (1, 1, 1)
    # red is right, green has no mask, blue is taken from the blue square and not from the red one
    assert tables[2].rows[0].count == 3
    assert tables[2].rows[0].figures == pytest.approx((1 / 3, 1 / 3, 2 / 3))
    assert tables[2].figure("with a mask, of all judged", "colours") == pytest.approx(2 / 3)
    assert tables[2].figure("with a mask, of all judged", "plain cosine") == 1
    assert tables[2].figure("right, of those with a mask", "colours") == 0.5
    assert tables[4].figure(every, "colours") == pytest.approx(3 / 5)
    # the squares fill their boxes; of the five regions one shows nothing
    regions = tables[5]
    assert regions.rows[0].count == 5
    assert regions.figure("mIoU, all", "the box itself") == 1
    assert regions.figure("mIoU, all", "best of its masks") == pytest.approx(0.8, abs=0.05)
    assert tables[1].figure("mIoU, all", "colours") == pytest.approx(1, abs=0.05)
