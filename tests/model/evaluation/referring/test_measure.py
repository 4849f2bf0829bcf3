from pathlib import Path

import pytest

from model.datasets.ground_truth import read_truth
from model.datasets.referring_expressions import ReferringCase, ReferringSet
from model.evaluation.referring.measure import BEST, CASCADE, RECALL, answer, referring_tables
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.referring.referrer import Referrer
from model.segmenter import Segmenter


class Blind(Segmenter):
    def segment(self, image: Image) -> Segments:
        return Segments.empty(image.size)


def asked(corpus: Path) -> ReferringSet:
    photos = read_truth(corpus, "val", ["squares"], 3).photos
    cases = tuple(
        ReferringCase(number, 0, f"{colour} square", "colour", style)
        for number, colour in enumerate(("red", "green", "blue"))
        for style in ("plain", "written")
    )
    return ReferringSet(photos, cases)


def test_methods_stand_beside_each_other(squares_corpus: Path) -> None:
    models = load_preset("colours").build()
    seen: list[tuple[int, int]] = []
    answers = answer(
        asked(squares_corpus),
        Referrer(models.embedder),
        models.segmenter,
        lambda done, count: seen.append((done, count)),
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    regions, own = referring_tables(answers)
    assert regions.figure("all", CASCADE) == regions.figure("all", RECALL) == 1
    assert regions.figure("plain: colour", "chance") == pytest.approx(1 / 2)
    assert own.figure("written: mIoU", CASCADE) == 1
    assert own.figure("all: Pr@0.9", BEST) == 1


def test_a_photo_without_masks_scores_nothing(squares_corpus: Path) -> None:
    models = load_preset("colours").build()
    nothing = answer(
        asked(squares_corpus), Referrer(models.embedder), Blind(), lambda done, count: None
    )
    _, own = referring_tables(nothing)
    assert own.figure("all: oIoU", CASCADE) == own.figure("all: mIoU", BEST) == 0
    assert nothing.own[CASCADE].union.min() > 0


def test_own_masks_are_chosen_from_only_where_asked(squares_corpus: Path) -> None:
    models = load_preset("colours").build()
    answers = answer(
        asked(squares_corpus), Referrer(models.embedder), None, lambda done, count: None
    )
    assert len(referring_tables(answers)) == 1
