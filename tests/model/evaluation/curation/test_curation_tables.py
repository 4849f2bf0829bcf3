"""Tables of a curation, against figures counted by hand."""

import numpy as np
import pytest

from model.evaluation.curation.curation_tables import (
    DrawnRegions,
    JudgedPhrases,
    first,
    phrase_table,
    region_table,
)

NONE = np.nan
ONE = JudgedPhrases(
    np.array([[1, 0, 1], [0, 0, 1], [0, 1, 1]], np.bool_),
    np.array([[0.9, 0.8], [0.7, 0.9], [NONE, 0.7]]),
)
TWO = JudgedPhrases(
    np.array([[0, 1, 1], [1, 1, 1], [0, 0, 0]], np.bool_),
    np.array([[0.8, 0.6], [0.6, 0.5], [NONE, 0.4]]),
)


def test_precision_by_hand() -> None:
    table = phrase_table("val", "stages", [ONE, TWO])
    figures = {row.what: (row.count, row.figures) for row in table.rows if "95" not in row.what}
    assert figures.pop("… to")
    some = pytest.approx
    assert figures == {
        "right, of all judged (no mask is wrong)": (6, (some(2 / 6), some(3 / 6), some(5 / 6))),
        "right, of the surest 35%": (2, (0.5, 0, None)),  # 0.9, 0.8 against 0.9, 0.8
        "right, of the surest 50%": (3, (some(1 / 3), some(1 / 3), None)),
        "right, of those with a mask": (4, (0.5, 0.5, 1)),
        "with a mask, of all judged": (6, (some(4 / 6), 1, None)),
    }


def test_bounds_draw_photos() -> None:
    rows = phrase_table("val", "stages", [ONE, TWO]).rows
    # each photo alone has 1 of 3, and 1 or 2 of 3 by the plain try
    assert rows[1].figures == pytest.approx((1 / 3, 1 / 3, 2 / 3))
    assert rows[2].figures == pytest.approx((1 / 3, 2 / 3, 1))


def test_a_share_that_too_few_have_a_score_for_has_no_figure() -> None:
    score = np.array([NONE, 0.1, NONE, 0.3])
    assert first(score, 0.35).tolist() == [3]
    assert first(score, 0.5).tolist() == [3, 1]
    assert first(score, 0.75).tolist() == []
    assert first(np.array([0.2]), 0.35).tolist() == [0]
    half = JudgedPhrases(np.ones((4, 3), np.bool_), np.column_stack([score, np.ones(4)]))
    none = JudgedPhrases(np.ones((1, 3), np.bool_), np.array([[NONE, 1]]))
    table = phrase_table("val", "stages", [half, none, none])
    assert table.figure("right, of the surest 35%", "stages") == 1
    assert table.figure("right, of the surest 50%", "stages") is None
    assert table.figure("right, of the surest 50%", "plain cosine") == 1


def test_true_boxes_by_hand() -> None:
    one = DrawnRegions(
        np.array([[0.8, 0.5, 0.9], [0, 0.7, 0.3]]), np.array([True, False]), ("object", "stuff")
    )
    two = DrawnRegions(np.array([[0.4, 0.6, 0.6]]), np.array([True]), ("object",))
    empty = DrawnRegions(np.zeros((0, 3)), np.zeros(0, np.bool_), ())
    table = region_table("val", "stages", [one, empty, two])
    assert [(row.what, row.count) for row in table.rows if "95" not in row.what][::2] == [
        ("mIoU, all", 3),
        ("mIoU, kind object", 2),
        ("mIoU, kind stuff", 1),
        ("mIoU, of those with a mask", 2),
        ("with a mask, of all", 3),
    ]
    assert table.rows[0].figures == pytest.approx((0.4, 0.6, 0.6))
    assert table.rows[3].figures == pytest.approx((0.6, 0.55, 0.75))
    assert table.figure("mIoU, kind stuff", "stages") == 0
    assert table.figure("mIoU, of those with a mask", "stages") == pytest.approx(0.6)
    assert table.figure("with a mask, of all", "stages") == pytest.approx(2 / 3)
