from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from model.photos.images import Image
from model.segmenters.dense.nearer import Nearer, fine_detail, tiles
from model.segmenters.dense.selection import Selection


def speckled(size: tuple[int, int], *places: tuple[int, int], contrast: int = 40) -> Image:
    """Grey, with patches of 200 pixels in which each differs from the next."""
    pixels = np.full((*size, 3), 100, np.uint8)
    for y, x in places:
        patch = pixels[y : y + 200, x : x + 200]
        patch[(np.indices(patch.shape[:2]).sum(axis=0) % 2).astype(np.bool_)] += np.uint8(contrast)
    return Image(pixels, size)


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


def test_pieces_with_most_fine_detail_come_first_and_plain_ones_not_at_all() -> None:
    size = (768, 1024)
    # one corner is speckled in two places, another in one
    image = speckled(size, (500, 600), (500, 800), (20, 20))
    assert starts(Nearer(pieces=6, promise=1).windows(image)) == [(320, 576), (0, 0)]
    assert starts(Nearer(pieces=1, promise=1).windows(image)) == [(320, 576)]
    assert Nearer(pieces=6, promise=9).windows(image) == []
    assert Nearer(pieces=6).windows(speckled(size)) == []
    # what changes slowly is seen from afar
    slow = np.repeat(np.linspace(0, 255, 1024).astype(np.uint8)[None], 768, axis=0)
    assert Nearer(pieces=6).windows(Image(np.stack([slow] * 3, axis=-1), size)) == []


@pytest.mark.parametrize("size", [(768, 1024), (3, 5), (1, 1), (2, 700), (9, 7)])
def test_detail_is_what_blocks_of_four_pixels_differ_by(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    image = Image(random.integers(0, 256, (*size, 3)).astype(np.uint8), size)
    detail = fine_detail(image)
    assert detail.shape == tuple(max(1, length // 4) for length in size)
    block = image.pixels[:4, :4, 1].astype(float)
    expected = abs(block - block.mean()).mean()
    assert detail[0, 0] <= expected + 1e-3
    assert detail.max() <= np.float32(127.5)
    if size == (1, 1):
        assert detail[0, 0] == 0


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
