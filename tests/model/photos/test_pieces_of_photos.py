from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from model.photos.images import Image
from model.photos.pieces import Nearer, Piece, fine_detail, part_of, tiles


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


def starts(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    return [(piece.window[0].start, piece.window[1].start) for piece in pieces]


def test_pieces_with_most_fine_detail_come_first_and_plain_ones_not_at_all() -> None:
    size = (768, 1024)
    # one corner is speckled in two places, another in one
    image = speckled(size, (500, 600), (500, 800), (20, 20))
    assert starts(Nearer(pieces=6, promise=1).looks(image, 640)) == [(320, 576), (0, 0)]
    assert starts(Nearer(pieces=1, promise=1).looks(image, 640)) == [(320, 576)]
    assert Nearer(pieces=6, promise=9).looks(image, 640) == ()
    assert Nearer(pieces=6).looks(speckled(size), 640) == ()
    # what changes slowly is seen from afar
    slow = np.repeat(np.linspace(0, 255, 1024).astype(np.uint8)[None], 768, axis=0)
    assert Nearer(pieces=6).looks(Image(np.stack([slow] * 3, axis=-1), size), 640) == ()


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
    small, large, long = (
        speckled(size, *((y, x) for y in (0, 200) for x in range(0, size[1], 200)))
        for size in ((480, 640), (768, 1024), (300, 1000))
    )
    nearer = Nearer(pieces=3)
    assert nearer.looks(large, 640)
    assert nearer.looks(small, 640) == nearer.looks(long, 640) == ()  # a panorama has its own
    assert Nearer(pieces=0).looks(large, 640) == ()


def test_whoever_asks_again_gets_the_same_images() -> None:
    image = speckled((768, 1024), (20, 20), (500, 600))
    nearer = Nearer(pieces=2, promise=1)
    first = nearer.looks(image, 640)
    assert nearer.looks(image, 640) is first
    assert len(Nearer(pieces=1, promise=1).looks(image, 640)) == 1
    for piece in first:
        np.testing.assert_array_equal(piece.image.pixels, image.pixels[piece.window])
        assert part_of(image, piece.window).size == piece.image.size
