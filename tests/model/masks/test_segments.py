from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.masks.segments import Segments

SIZE = (40, 50)


def nested() -> Any:
    """A whole (0) with a part (1) that has a part (2), and something else (3)."""
    stack = np.zeros((4, *SIZE), np.bool_)
    stack[0, 2:38, 2:30] = True
    stack[1, 6:26, 6:26] = True
    stack[2, 10:16, 10:16] = True
    stack[3, 5:20, 35:48] = True
    return Segments.from_masks(stack, [0.9, 0.8, 0.7, 0.6])


def test_everything_is_derived_from_the_masks() -> None:
    segments = nested()
    assert len(segments) == 4
    assert segments.size == SIZE
    assert segments.boxes.tolist()[1] == [6, 6, 26, 26]
    assert segments.areas.tolist() == [36 * 28, 400, 36, 195]
    assert segments.parents.tolist() == [-1, 0, 1, -1]
    assert segments.quality.dtype == np.float32
    again = Segments.from_counts(SIZE, segments.counts)
    assert np.array_equal(again.masks(), segments.masks())
    assert again.quality.tolist() == [1, 1, 1, 1]


def test_slicing_keeps_rows_together() -> None:
    chosen = nested()[1:3]
    assert chosen.areas.tolist() == [400, 36]
    assert chosen.quality == pytest.approx([0.8, 0.7])
    assert chosen.parents.tolist() == [-1, 0]


def test_the_nearest_chosen_ancestor_becomes_the_parent() -> None:
    assert nested()[[2, 0]].parents.tolist() == [1, -1]
    assert nested()[[2, 3]].parents.tolist() == [-1, -1]
    assert nested()[np.array([True, False, True, False])].parents.tolist() == [-1, 0]


def test_iterating_gives_single_segments() -> None:
    singles = list(nested())
    assert [len(single) for single in singles] == [1, 1, 1, 1]
    assert [int(single.areas[0]) for single in singles] == nested().areas.tolist()


@given(st.lists(st.integers(0, 3), max_size=4, unique=True))
def test_any_choice_is_consistent(order: Any) -> None:
    whole, chosen = nested(), nested()[order]
    assert chosen.counts == tuple(whole.counts[i] for i in order)
    for place, original in enumerate(order):
        ancestors = []
        above = whole.parents[original]
        while above >= 0:
            ancestors.append(int(above))
            above = whole.parents[above]
        expected = next((order.index(a) for a in ancestors if a in order), -1)
        assert chosen.parents[place] == expected


def test_none() -> None:
    empty = Segments.empty(SIZE)
    assert len(empty) == 0
    assert empty.masks().shape == (0, *SIZE)
    assert len(empty[0:0]) == 0
    assert list(empty) == []
    assert len(Segments.from_masks(np.zeros((0, *SIZE), np.bool_))) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": np.zeros((3, 4), np.float32)}, r"boxes has shape \(3, 4\), expected \(4, 4\)"),
        ({"quality": np.zeros(5, np.float32)}, "quality has shape"),
        ({"areas": np.zeros((4, 1), np.int64)}, "areas has shape"),
        ({"parents": np.array([-1, 0, 1, 9])}, "points past the 4 segments"),
        ({"parents": np.array([-1, 1, 1, 0])}, "contains itself"),
        ({"size": (0, 50)}, "expected positive"),
    ],
)
def test_what_does_not_belong_together_is_refused(change: Any, message: Any) -> None:
    s = nested()
    fields = {
        "size": s.size,
        "counts": s.counts,
        "boxes": s.boxes,
        "areas": s.areas,
        "quality": s.quality,
        "parents": s.parents,
    }
    with pytest.raises(ValueError, match=message):
        Segments(**(fields | change))


def test_masks_without_pixels_or_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="has no pixel"):
        Segments.from_masks(np.zeros((2, 4, 4), np.bool_))
    with pytest.raises(ValueError, match="expected N×H×W"):
        Segments.from_masks(np.ones((4, 4), np.bool_))


def test_the_whole_is_the_root_of_all_parts() -> None:
    masks = np.zeros((2, 20, 30), np.bool_)
    masks[0, 2:12, 2:12] = masks[1, 4:6, 4:6] = True
    segments = Segments.from_masks(masks).with_whole()
    assert segments.parents.tolist() == [2, 0, -1]
    assert segments.masks()[2].all()
    assert segments.quality[2] == 0
    assert Segments.empty((20, 30)).with_whole().boxes.tolist() == [[0, 0, 30, 20]]
