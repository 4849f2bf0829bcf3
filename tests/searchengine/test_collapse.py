import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from indexer.records import SegmentRow
from model import masks
from searchengine.collapse import HASH_BITS, collapse

FRAME = (40, 40)


def segment(i: int, photo_id: int, x0: int, y0: int, x1: int, y1: int) -> SegmentRow:
    mask = np.zeros((1, *FRAME), np.bool_)
    mask[0, y0:y1, x0:x1] = True
    counts = masks.encode(mask)[0]
    return SegmentRow(i, photo_id, i, FRAME, counts, (x0, y0, x1, y1), int(mask.sum()), 1.0, None)


def different(one: int, other: int) -> float:
    raise AssertionError("photos whose hashes are far apart need no second look")


FAR = {1: 0, 2: 0xFFFF}


def test_the_better_of_two_overlapping_segments_stands_for_both() -> None:
    scored = [(segment(1, 1, 0, 0, 20, 20), 0.9), (segment(2, 1, 0, 0, 20, 18), 0.8)]
    (answer,) = collapse(scored, {1: 0}, different)
    assert (answer.segment.id, answer.score, answer.merged) == (1, 0.9, [2])


def test_a_part_that_answers_alike_is_merged_and_one_that_does_not_is_kept() -> None:
    whole, part = segment(1, 1, 0, 0, 30, 30), segment(2, 1, 0, 0, 10, 10)
    assert len(collapse([(whole, 0.9), (part, 0.85)], {1: 0}, different)) == 1
    assert len(collapse([(whole, 0.9), (part, 0.5)], {1: 0}, different)) == 2


def test_neighbours_are_kept_apart() -> None:
    scored = [(segment(1, 1, 0, 0, 20, 20), 0.9), (segment(2, 1, 20, 0, 40, 20), 0.9)]
    assert len(collapse(scored, {1: 0}, different)) == 2


def test_the_same_place_in_another_photo_is_another_answer() -> None:
    scored = [(segment(1, 1, 0, 0, 20, 20), 0.9), (segment(2, 2, 0, 0, 20, 20), 0.9)]
    assert len(collapse(scored, FAR, different)) == 2


def test_near_duplicate_photos_count_once_if_they_also_look_alike() -> None:
    hashes = {1: 0, 2: (1 << HASH_BITS) - 1}
    scored = [(segment(1, 1, 0, 0, 9, 9), 0.9), (segment(2, 2, 0, 0, 9, 9), 0.8)]
    (answer,) = collapse(scored, hashes, lambda one, other: 0.99)
    assert answer.duplicates == [2]
    assert len(collapse(scored, hashes, lambda one, other: 0.5)) == 2


def test_negative_hashes_are_compared_bit_by_bit() -> None:
    hashes = {1: -1, 2: (1 << 63) - 1}  # one bit apart
    scored = [(segment(1, 1, 0, 0, 9, 9), 0.9), (segment(2, 2, 0, 0, 9, 9), 0.8)]
    assert len(collapse(scored, hashes, lambda one, other: 1.0)) == 1


def test_a_photo_gives_no_more_than_allowed() -> None:
    scored = [(segment(i, 1, 4 * i, 0, 4 * i + 4, 9), 1.0 - i / 10) for i in range(6)]
    assert [a.segment.id for a in collapse(scored, {1: 0}, different, per_photo=2)] == [0, 1]


@given(
    st.lists(
        st.tuples(st.integers(0, 35), st.integers(0, 35), st.integers(1, 5), st.integers(1, 5)),
        max_size=20,
    )
)
def test_every_segment_is_an_answer_or_stands_behind_one(
    places: list[tuple[int, int, int, int]],
) -> None:
    scored = [
        (segment(i, 1 + i % 2, x, y, x + w, y + h), 1.0 - i / 100)
        for i, (x, y, w, h) in enumerate(places)
    ]
    answers = collapse(scored, FAR, different)
    told = [i for a in answers for i in (a.segment.id, *a.merged)]
    assert sorted(told) == [s.id for s, _ in scored]
    scores = [a.score for a in answers]
    assert scores == sorted(scores, reverse=True)


def test_a_thing_that_answers_alike_is_shown_rather_than_its_whole_photo() -> None:
    whole, thing = segment(1, 1, 0, 0, 40, 40), segment(2, 1, 5, 5, 15, 15)
    (answer,) = collapse([(whole, 0.9), (thing, 0.85)], {1: 0}, different)
    assert (answer.segment.id, answer.score, answer.merged) == (2, 0.9, [1])
    apart = collapse([(whole, 0.9), (thing, 0.3)], {1: 0}, different)
    assert [a.segment.id for a in apart] == [1, 2]
