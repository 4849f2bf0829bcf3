import json
import math

import numpy as np
import pytest

from model.evaluation.comparison import MAP, Answers, compared, precision_measure, success_measure
from model.evaluation.ranking import Ranking
from model.evaluation.tables import Measured, Row, Table

TABLE = Table(
    "words → things",
    "phrases",
    ("nano", "chance"),
    (Row("mAP", 226, (0.6044, 0.01)), Row("seconds", 3, (12.345, None))),
)


def test_a_table_reads_well() -> None:
    assert str(TABLE).splitlines() == [
        "words → things",
        "         phrases   nano  chance",
        "mAP          226  0.604   0.010",
        "seconds        3   12.3       –",
    ]


def test_figures_have_names() -> None:
    assert TABLE.figure("mAP", "chance") == 0.01
    assert TABLE.figure("seconds", "chance") is None
    for what, column in (("P@10", "nano"), ("mAP", "crops")):
        with pytest.raises(KeyError):
            TABLE.figure(what, column)
    with pytest.raises(ValueError, match="1 figures, expected 2"):
        Table("x", "y", ("a", "b"), (Row("z", 1, (0.0,)),))


def test_what_was_measured_is_plain_data() -> None:
    measured = Measured("masks", "nano", "abc", "val", 7, 1.23456, (TABLE,))
    assert str(measured).startswith("masks · preset nano · 7 photos of split 'val'\n\nwords")
    document = json.loads(json.dumps(measured.to_dict()))
    assert document["seconds"] == 1.235
    assert document["tables"][0]["rows"][1] == {
        "what": "seconds", "count": 3, "figures": {"nano": 12.345, "chance": None},
    }  # fmt: skip


def test_methods_stand_side_by_side_with_chance() -> None:
    relevant = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0]], np.bool_)
    scores = np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1]], np.float32)
    methods = {
        "good": Answers(Ranking(scores), relevant),
        "none": None,
        "bad": Answers(Ranking(-scores), relevant),
    }
    row = compared("all", MAP, methods)
    assert row is not None
    assert (row.what, row.count) == ("all: mAP", 2)
    assert row.figures == pytest.approx((2 / 3, None, 2 / 3, (1 + 1 / 2 + 1 / 3) / 3))
    first = compared("", success_measure(1), methods, np.array([True, False, False]))
    assert first == Row("R@1", 1, (1, None, 0, pytest.approx(1 / 3)))
    assert compared("", MAP, methods, np.array([False, False, True])) is None


def test_chance_counts_what_is_no_candidate() -> None:
    relevant = np.array([[1, 0, 0, 0], [0, 0, 0, 0]], np.bool_)
    ignored = np.array([[0, 0, 0, 1], [0, 0, 0, 0]], np.bool_)
    scores = np.zeros((2, 4), np.float32)
    answers = Answers(Ranking(scores), relevant, ignored, np.array([2, 1]))
    assert answers.chance(MAP) == pytest.approx([(1 + 1 / 2 + 1 / 3) / 3 / 2, 0])
    assert answers.chance(precision_measure(2)) == pytest.approx([2 * (1 / 3) / 2, 0])
    assert answers.chance(success_measure(2)) == pytest.approx([2 / 3, 0])
    nothing = Answers(Ranking(scores), relevant, ignored, np.array([0, 0]))
    assert all(math.isnan(figure) for figure in nothing.chance(MAP))
