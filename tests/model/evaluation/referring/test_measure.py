from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.datasets.ground_truth import read_truth
from model.datasets.referring_expressions import ReferringCase, ReferringSet
from model.evaluation.intervals import mean_interval
from model.evaluation.looking import Looking
from model.evaluation.referring.answer_tables import referring_tables
from model.evaluation.referring.measure import BEST, CASCADE, DRAW, LOOK, RECALL, answer
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
        lambda: (Referrer(models.embedder), models.segmenter),
        Looking(lambda done, count: seen.append((done, count))),
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    regions, own, times = referring_tables(answers)
    assert regions.figure("all", CASCADE) == regions.figure("all", RECALL) == 1
    assert regions.figure("plain: colour", "chance") == pytest.approx(1 / 2)
    assert own.figure("written: mIoU", CASCADE) == 1
    assert own.figure("all: Pr@0.9", BEST) == 1
    assert own.figure("all: MC-Acc", CASCADE) == own.figure("all: CC-oIoU", "cascade: from") == 1
    assert [row.count for row in times.rows] == [6, 3, 3]
    assert all(milliseconds > 0 for row in times.rows for milliseconds in row.figures if row.count)
    recall, cascade = times.rows[0].figures
    assert recall is not None
    assert cascade is not None
    assert cascade > recall


def test_a_photo_without_masks_scores_nothing(squares_corpus: Path) -> None:
    models = load_preset("colours").build()
    nothing = answer(asked(squares_corpus), lambda: (Referrer(models.embedder), Blind()), Looking())
    _, own, _ = referring_tables(nothing)
    assert own.figure("all: oIoU", CASCADE) == own.figure("all: mIoU", BEST) == 0
    assert own.figure("all: MC-Acc", CASCADE) == 0
    assert own.figure("all: CC-oIoU", CASCADE) is None
    assert nothing.own[CASCADE].union.min() > 0


def test_own_masks_are_chosen_from_only_where_asked(squares_corpus: Path) -> None:
    models = load_preset("colours").build()
    answers = answer(asked(squares_corpus), lambda: (Referrer(models.embedder), None), Looking())
    assert len(referring_tables(answers)) == 2
    assert (list(answers.photo_seconds), len(answers.photo_seconds[LOOK])) == ([LOOK], 3)


def test_intervals_draw_photos_with_all_their_expressions(squares_corpus: Path) -> None:
    cases = asked(squares_corpus)
    told = [replace(c, region=(number == 0), kind="") for number, c in enumerate(cases.cases)]
    models = load_preset("colours").build()
    answers = answer(
        ReferringSet(cases.photos, tuple(told)),
        lambda: (Referrer(models.embedder), models.segmenter),
        Looking(),
    )
    assert set(answers.photo_seconds) == {LOOK, DRAW}
    table = referring_tables(answers)[0]
    right = np.array([[False], *[[True]] * 5])
    low, high = mean_interval(right, np.array([0, 0, 1, 1, 2, 2]))
    assert table.rows[0].figures[3:6] == (5 / 6, low[0], high[0])
