import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog.records import SegmentRow
from model.masks import rle
from searchengine.search.collapse import ALL_BITS, HASH_BITS, collapse

FRAME = (40, 40)
FAR = {1: 0, 2: 0xFFFF}


def segment(
    i: int, photo_id: int, x0: int, y0: int, x1: int, y1: int, photo_hash: int | None = None
) -> SegmentRow:
    """Of a photo whose hash is far from those of others, unless given."""
    mask = np.zeros((1, *FRAME), np.bool_)
    mask[0, y0:y1, x0:x1] = True
    counts = rle.encode(mask)[0]
    area = int(mask.sum())
    far = FAR[photo_id] if photo_hash is None else photo_hash
    return SegmentRow(i, photo_id, i, FRAME, counts, (x0, y0, x1, y1), area, 1.0, None, far)


def different(one: int, other: int) -> float:
    raise AssertionError("photos whose hashes are far apart need no second look")


def test_the_better_of_two_overlapping_segments_stands_for_both() -> None:
    scored = [(segment(1, 1, 0, 0, 20, 20), 0.9), (segment(2, 1, 0, 0, 20, 18), 0.8)]
    (answer,) = collapse([scored], different, 20)
    assert (answer.segment.id, answer.score, answer.merged) == (1, 0.9, [2])


def test_a_part_that_answers_alike_is_merged_and_one_that_does_not_is_kept() -> None:
    whole, part = segment(1, 1, 0, 0, 30, 30), segment(2, 1, 0, 0, 10, 10)
    assert len(collapse([[(whole, 0.9), (part, 0.85)]], different, 20)) == 1
    assert len(collapse([[(whole, 0.9), (part, 0.5)]], different, 20)) == 2


def test_neighbours_are_kept_apart() -> None:
    scored = [(segment(1, 1, 0, 0, 20, 20), 0.9), (segment(2, 1, 20, 0, 40, 20), 0.9)]
    assert len(collapse([scored], different, 20)) == 2


def test_the_same_place_in_another_photo_is_another_answer() -> None:
    scored = [(segment(1, 1, 0, 0, 20, 20), 0.9), (segment(2, 2, 0, 0, 20, 20), 0.9)]
    assert len(collapse([scored], different, 20)) == 2


def test_near_duplicate_photos_count_once_if_they_also_look_alike() -> None:
    first, second = segment(1, 1, 0, 0, 9, 9, 0), segment(2, 2, 0, 0, 9, 9, (1 << HASH_BITS) - 1)
    scored = [(first, 0.9), (second, 0.8)]
    (answer,) = collapse([scored], lambda one, other: 0.99, 20)
    assert answer.duplicates == [2]
    assert len(collapse([scored], lambda one, other: 0.5, 20)) == 2


def test_negative_hashes_are_compared_bit_by_bit() -> None:
    first, second = segment(1, 1, 0, 0, 9, 9, -1), segment(2, 2, 0, 0, 9, 9, (1 << 63) - 1)
    assert len(collapse([[(first, 0.9), (second, 0.8)]], lambda one, other: 1.0, 20)) == 1


@given(st.lists(st.tuples(st.integers(0, 63), st.integers(0, 9)), min_size=2, max_size=12))
def test_every_pair_of_close_hashes_is_found(flips: list[tuple[int, int]]) -> None:
    """Photos flip some bits of one hash, each its own; those are looked at twice that are close."""
    hashes = [0x5A5A_0F0F_3333_1234 - (1 << 62)]
    for first, count in flips:
        mask = sum(1 << (first + 7 * i) % 64 for i in range(count))
        hashes.append((hashes[0] ^ mask) & ALL_BITS)
    asked = set[tuple[int, int]]()

    def look(one: int, other: int) -> float:
        asked.add((one, other))
        return 0.0

    scored = [(segment(i, i, 0, 0, 9, 9, h), 0.9) for i, h in enumerate(hashes)]
    assert len(collapse([scored], look, 100)) == len(hashes)
    naive = {
        (i, j)
        for i, one in enumerate(hashes)
        for j, other in enumerate(hashes[:i])
        if ((one ^ other) & ALL_BITS).bit_count() <= HASH_BITS
    }
    assert asked == naive


def test_no_more_portions_are_taken_than_needed() -> None:
    """What follows in the same portion is merged; of the rest nothing is asked."""
    boxes = [(0, 0, 9, 9), (20, 0, 29, 9), (20, 0, 29, 8), (0, 20, 9, 29), (30, 30, 39, 39)]
    scored = [(segment(i, 1, *box), 1 - i / 10) for i, box in enumerate(boxes)]
    portions = iter([scored[:1], scored[1:4], scored[4:]])
    answers = collapse(portions, different, 2)
    assert [(a.segment.id, a.merged) for a in answers] == [(0, []), (1, [2])]
    assert list(portions) == [scored[4:]]
    assert [a.segment.id for a in collapse([scored], different, 20)] == [0, 1, 3, 4]


def test_a_photo_gives_no_more_than_allowed() -> None:
    scored = [(segment(i, 1, 4 * i, 0, 4 * i + 4, 9), 1.0 - i / 10) for i in range(6)]
    assert [a.segment.id for a in collapse([scored], different, 20, per_photo=2)] == [0, 1]


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
    answers = collapse([scored], different, 20)
    told = [i for a in answers for i in (a.segment.id, *a.merged)]
    assert sorted(told) == [s.id for s, _ in scored]
    scores = [a.score for a in answers]
    assert scores == sorted(scores, reverse=True)


def test_a_thing_that_answers_alike_is_shown_rather_than_its_whole_photo() -> None:
    whole, thing = segment(1, 1, 0, 0, 40, 40), segment(2, 1, 5, 5, 15, 15)
    (answer,) = collapse([[(whole, 0.9), (thing, 0.85)]], different, 20)
    assert (answer.segment.id, answer.score, answer.merged) == (2, 0.9, [1])
    apart = collapse([[(whole, 0.9), (thing, 0.3)]], different, 20)
    assert [a.segment.id for a in apart] == [1, 2]
