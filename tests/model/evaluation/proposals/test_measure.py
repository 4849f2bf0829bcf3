from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.datasets.ground_truth import Region, TruePhoto, Truth
from model.evaluation.looking import Looking
from model.evaluation.proposals import measure
from model.evaluation.proposals.measure import ProposalModels, measure_proposals
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.proposals.proposer import MOST, Proposer
from model.segmenter import Segmenter

SIZE = (60, 80)
PAINTS = {"red": (200, 20, 20), "blue": (20, 20, 200), "green": (20, 160, 20)}


def square(place: int) -> NDArray[np.bool_]:
    mask = np.zeros(SIZE, np.bool_)
    mask[10:30, 25 * place : 25 * place + 20] = True
    return mask


def painted(folder: Path, name: str, *words: str) -> TruePhoto:
    pixels = np.full((*SIZE, 3), 255, np.uint8)
    regions = []
    for place, word in enumerate(words):
        pixels[square(place)] = PAINTS[word]
        regions.append(Region(rle.encode(square(place)[None])[0], (word,), "object", None))
    PillowImage.fromarray(pixels).save(folder / f"{name}.png")
    return TruePhoto("paints", folder / f"{name}.png", SIZE, tuple(regions), ())


class First(Segmenter):
    """Draws the first square only."""

    def segment(self, image: Image) -> Segments:
        return Segments.from_masks(square(0)[None])


class Second(Proposer):
    """Proposes the second square, whatever is asked."""

    fingerprint = "second"
    name = "second"

    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        return Segments.from_masks(square(1)[None])


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    photos = (
        painted(tmp_path, "one", "red", "blue"),
        painted(tmp_path, "two", "blue", "red", "green"),
        painted(tmp_path, "none"),
    )
    return Truth(photos, {"paints": frozenset(PAINTS)}, frozenset())


def test_figures_by_hand(truth: Truth) -> None:
    preset = load_preset("colours")
    told: list[tuple[int, int]] = []
    tables = measure_proposals(
        truth,
        lambda: ProposalModels(First(), preset.build_embedder(), Second(), preset.calibration()),
        Looking(lambda done, of: told.append((done, of))),
    )
    recall, absent = tables
    figures = {
        column: recall.figure("all", column) for column in recall.columns
    }  # of five regions two are first, two second
    assert figures == {
        "ten by quality": 0.4,
        "ten by words": 0.4,
        "ten proposals": 0.4,
        "index": 0.4,
        "index and ten": 0.8,
    }
    assert recall.figure("paints", "index and ten") == 0.8
    assert recall.figure("all: 95 % from", "index and ten") == pytest.approx(2 / 3)
    assert told == [(0, 2), (1, 2), (2, 2)]
    # the first photo shows no green, and neither square is taken for it
    assert [row.count for row in absent.rows] == [1, 1, 1]
    assert absent.figure("photos with a confident answer", "ten proposals") == 0


@pytest.mark.parametrize("bounded", [True, False])
def test_what_is_shown_instead_of_an_absent_word_is_counted(
    truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounded: bool
) -> None:
    """A proposal that is sure where the index says no: it counts only if nothing bounds it."""
    if not bounded:
        monkeypatch.setattr(measure, "proposal_confidence", lambda own, recalled: own)
    preset = load_preset("colours")
    shown = Truth(
        (painted(tmp_path, "red", "red"),), {"paints": frozenset({"red", "blue"})}, frozenset()
    )

    class Blue(Proposer):
        fingerprint = "blue"
        name = "blue"

        def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
            image.pixels[square(2)] = PAINTS["blue"]
            return Segments.from_masks(square(2)[None])

    _, absent = measure_proposals(
        shown,
        lambda: ProposalModels(First(), preset.build_embedder(), Blue(), preset.calibration()),
        Looking(),
    )
    assert absent.rows[0].figures == ((0, 0, 0) if bounded else (0, 1, 1))
