"""Measurements by other processes: figures as by this one, and photos that end whoever looks."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from other_process import elsewhere, losing

from model.datasets.ground_truth import read_truth
from model.datasets.label_maps import labelled_corpus
from model.datasets.referring_expressions import ReferringCase, ReferringSet
from model.errors import DataError
from model.evaluation import run
from model.evaluation.looking import Looking
from model.evaluation.tables import Measured
from model.presets.preset import load_preset

SPLIT = "val"


def figures(measured: Measured) -> list[Any]:
    """All but what is measured by the clock."""
    return [
        (table.title, table.columns, row)
        for table in measured.tables
        for row in table.rows
        if "seconds" not in row.what and "milliseconds" not in table.title
    ]


def measured(task: str, corpus: Path, looking: Looking, without: str = "") -> Measured:
    truth, preset = read_truth(corpus, SPLIT, most=4), load_preset("colours")
    kept = tuple(photo for photo in truth.photos if not (without and without in str(photo.path)))
    truth = replace(truth, photos=kept)
    if task == "semantic":
        return run.evaluate_labels(preset, labelled_corpus(truth), SPLIT, looking, baselines=False)
    if task == "referring":
        cases = [
            ReferringCase(number, region, text)
            for number, photo in enumerate(truth.photos)
            for region, text in enumerate(("the red square", "ground"))
            if photo.regions
        ]
        asked = ReferringSet(truth.photos, tuple(cases))
        return run.evaluate_referring(preset, asked, SPLIT, looking)
    if task == "proposals":
        return run.evaluate_proposals(preset, truth, SPLIT, looking)
    if task == "masks":
        return run.evaluate_masks(preset, truth, SPLIT, looking, baselines=False)
    return run.evaluate_retrieval(preset, truth, SPLIT, looking, baselines=False, most=2)


@pytest.mark.parametrize("task", ["masks", "retrieval", "semantic", "proposals", "referring"])
def test_figures_are_the_same_whoever_looks(squares_corpus: Path, task: str) -> None:
    measure = partial(measured, task, squares_corpus)
    here = measure(Looking())
    assert len(figures(here)) > 2
    assert figures(measure(Looking(by=elsewhere))) == figures(here)
    lost = measure(Looking(by=losing("squares/images/1.png")))
    assert lost.left_out
    assert "1.png ends the process that looks at it (exit code 7)" in lost.left_out[0]
    if task != "proposals":  # words for what is not there are drawn by the photo's number
        without = measure(Looking(), "squares/images/1.png")
        assert figures(lost) == figures(without) != figures(here)


def test_progress_is_of_all_photos_and_nothing_at_all_is_an_error(squares_corpus: Path) -> None:
    told: list[tuple[int, int]] = []
    looking = Looking(lambda done, of: told.append((done, of)), by=losing("images"))
    with pytest.raises(DataError, match=r"no photo could be looked at.*exit code 7"):
        measured("masks", squares_corpus, looking)
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
