from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from model.masks.segments import Segments
from model.segmenters.dense.nearer import Nearer, tiles
from model.segmenters.dense.selection import Selection


def squares(size: tuple[int, int], *places: tuple[int, int], side: int = 4) -> Segments:
    masks = np.zeros((len(places), *size), np.bool_)
    for mask, (y, x) in zip(masks, places, strict=True):
        mask[y : y + side, x : x + side] = True
    return Segments.from_masks(masks, np.full(len(places), 0.6, np.float32))


@pytest.mark.parametrize("size", [(768, 1024), (448, 448), (449, 600), (100, 1000), (1, 3000)])
def test_tiles_cover_all_of_a_photo_and_overlap(size: tuple[int, int]) -> None:
    seen = np.zeros(size, np.int64)
    windows = tiles(size, 448)
    for rows, columns in windows:
        assert rows.stop - rows.start == min(448, size[0])
        assert columns.stop - columns.start == min(448, size[1])
        seen[rows, columns] += 1
    assert seen.min() == 1
    lefts = sorted({columns.start for _, columns in windows})
    assert all(after - before <= 336 for before, after in pairwise(lefts))


def starts(windows: Sequence[tuple[slice, slice]]) -> list[tuple[int, int]]:
    return [(rows.start, columns.start) for rows, columns in windows]


def test_pieces_with_many_small_segments_come_first_and_those_with_none_not_at_all() -> None:
    frame = (240, 320)
    right = [(200, 260 + 8 * n) for n in range(5)]  # promises 3.0
    left = [(10, 10), (10, 20), (10, 30)]  # 1.8
    middle = [(110, 160)]  # 0.6: not worth a look
    whole = squares(frame, *right, *left, *middle)
    nearer = Nearer(pieces=6)
    assert starts(nearer.windows((768, 1024), whole)) == [(320, 576), (0, 0)]
    assert starts(Nearer(pieces=1).windows((768, 1024), whole)) == [(320, 576)]
    # large segments promise nothing
    large = squares(frame, (10, 10), (10, 120), (120, 10), side=90)
    assert nearer.windows((768, 1024), large) == []
    assert nearer.windows((768, 1024), Segments.empty(frame)) == []


def test_photos_of_no_more_pixels_than_the_look_from_afar_have_no_pieces() -> None:
    assert not Nearer(pieces=3).can_tell_more((480, 640), 640)
    assert not Nearer(pieces=0).can_tell_more((768, 1024), 640)
    assert Nearer(pieces=3).can_tell_more((768, 1024), 640)


def test_a_piece_s_segments_are_small_in_the_photo() -> None:
    window = (slice(0, 384), slice(0, 512))  # a quarter
    chosen = Nearer(pieces=3, added=20).selection(Selection(), window, (768, 1024), looks=3)
    assert (chosen.most, chosen.votes) == (40, 3)
    assert chosen.smallest < 4 * Selection().smallest
    assert 0.04 <= chosen.largest <= 0.2
    # of a piece that is all of the photo nothing is too large
    everything = (slice(0, 10), slice(0, 20))
    assert Nearer().selection(Selection(), everything, (10, 20), looks=1).largest <= 1
