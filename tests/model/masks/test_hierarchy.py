from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model.masks import rle
from model.masks.hierarchy import CONTAINMENT, LARGER, part_whole_parents, rooted_parents
from model.masks.segments import Segments


def rectangles(*boxes: Any, size: tuple[int, int] = (60, 80)) -> Any:
    stack = np.zeros((len(boxes), *size), np.bool_)
    for mask, (x0, y0, x1, y1) in zip(stack, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    return rle.encode(stack)


def test_a_part_points_to_the_smallest_whole() -> None:
    car, door, handle, tree = (5, 5, 60, 55), (10, 10, 40, 40), (20, 20, 26, 24), (62, 0, 80, 60)
    counts = rectangles(handle, car, tree, door)
    assert part_whole_parents(counts, (60, 80)).tolist() == [3, -1, -1, 1]


def test_near_copies_are_siblings() -> None:
    counts = rectangles((10, 10, 40, 40), (10, 10, 41, 41), (10, 10, 40, 41))
    assert part_whole_parents(counts, (60, 80)).tolist() == [-1, -1, -1]


def test_half_inside_is_no_part() -> None:
    counts = rectangles((0, 0, 40, 40), (30, 0, 50, 20))
    assert part_whole_parents(counts, (60, 80)).tolist() == [-1, -1]


def test_none_and_one_have_no_parents() -> None:
    assert part_whole_parents((), (60, 80)).tolist() == []
    assert part_whole_parents(rectangles((0, 0, 9, 9)), (60, 80)).tolist() == [-1]


boxes = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 40), st.integers(1, 30), st.integers(1, 20)),
    min_size=2,
    max_size=9,
)


@settings(max_examples=60)
@given(boxes)
def test_parents_are_those_of_a_plain_count_of_pixels(boxes: np.ndarray) -> None:
    # size below the grid: coverage maps are the masks themselves, the plain count is exact
    counts = rectangles(*((x, y, x + w, y + h) for x, y, w, h in boxes))
    stack = rle.decode(counts, (60, 80))
    parents = part_whole_parents(counts, (60, 80))
    for i, part in enumerate(stack):
        wholes = [
            (whole.sum(), j)
            for j, whole in enumerate(stack)
            if (part & whole).sum() / part.sum() >= CONTAINMENT - 1e-6
            and whole.sum() >= LARGER * part.sum() - 1e-3
        ]
        if parents[i] < 0:
            assert not wholes
        else:
            assert stack[parents[i]].sum() == min(wholes)[0]


@settings(max_examples=40)
@given(boxes)
def test_following_parents_always_ends(boxes: np.ndarray) -> None:
    parents = part_whole_parents(
        rectangles(*((x, y, x + w, y + h) for x, y, w, h in boxes)), (60, 80)
    )
    for start in range(len(parents)):
        here, steps = start, 0
        while here >= 0:
            here, steps = parents[here], steps + 1
            assert steps <= len(parents)


def test_the_whole_frame_is_the_root_wherever_it_stands() -> None:
    masks = np.zeros((5, 20, 30), np.bool_)
    masks[0, 2:12, 2:12] = masks[1, 4:8, 4:8] = masks[2, :, :28] = masks[3, 14:18, 20:26] = True
    masks[4] = True
    found = Segments.from_masks(masks[:4]).with_whole()
    assert rooted_parents(found.counts, found.size).tolist() == found.parents.tolist()
    order = [0, 4, 2, 1, 3]
    moved = rooted_parents([found.counts[i] for i in order], found.size)
    assert [order[i] if i >= 0 else -1 for i in moved] == [found.parents[i] for i in order]
    without = rooted_parents(found.counts[:4], found.size)
    assert without.tolist() == part_whole_parents(found.counts[:4], found.size).tolist()
    assert rooted_parents([], (3, 3)).tolist() == []
    assert rooted_parents(found.counts[4:], found.size).tolist() == [-1]
