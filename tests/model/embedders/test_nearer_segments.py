import numpy as np

from model.embedders.nearer import seen_near
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.photos.pieces import Piece, part_of

SIZE, FRAME = (80, 160), (40, 80)  # a photo of twice as many pixels as its segments' frame
IMAGE = Image(np.zeros((*SIZE, 3), np.uint8), SIZE)
LEFT, MIDDLE = (slice(0, 80), slice(0, 80)), (slice(0, 80), slice(40, 120))
PIECES = [Piece(window, part_of(IMAGE, window)) for window in (LEFT, MIDDLE)]


def boxes(*places: tuple[int, int, int, int]) -> Segments:
    masks = np.zeros((len(places), *FRAME), np.bool_)
    for mask, (y0, y1, x0, x1) in zip(masks, places, strict=True):
        mask[y0:y1, x0:x1] = True
    return Segments.from_masks(masks)


def test_each_small_segment_is_seen_in_the_piece_whose_middle_it_is_nearest_to() -> None:
    segments = boxes(
        (4, 8, 4, 8),  # in the left piece alone
        (16, 20, 36, 40),  # in both, nearer to the second's middle
        (16, 20, 58, 62),  # cut by the second's edge
        (0, 20, 0, 20),  # large
        (16, 20, 70, 74),  # in neither
    )
    (left, in_left, first), (middle, in_middle, second) = seen_near(segments, PIECES, SIZE)
    assert (left, middle) == tuple(PIECES)
    assert (first.tolist(), second.tolist()) == ([0], [1])
    assert in_left.size == in_middle.size == (40, 40)
    assert in_left.boxes.tolist() == [[4, 4, 8, 8]]
    assert in_middle.boxes.tolist() == [[16, 16, 20, 20]]
    assert rle.areas(in_middle.counts, (40, 40)).tolist() == [16]


def test_without_pieces_or_segments_nothing_is_seen_near() -> None:
    assert seen_near(boxes((4, 8, 4, 8)), [], SIZE) == []
    assert seen_near(Segments.empty(FRAME), PIECES, SIZE) == []
