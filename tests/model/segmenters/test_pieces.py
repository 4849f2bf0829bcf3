import numpy as np

from model.masks.segments import Segments
from model.masks.windows import lengths, window_in
from model.segmenters.pieces import joined, whole_ones

SIZE = (60, 80)  # of the photo; segments are told in a frame of half as many pixels
FRAME = (30, 40)
WINDOW = (slice(20, 60), slice(40, 80))  # its lower right corner


def boxes(size: tuple[int, int], *places: tuple[int, int, int, int]) -> Segments:
    masks = np.zeros((len(places), *size), np.bool_)
    for mask, (y0, y1, x0, x1) in zip(masks, places, strict=True):
        mask[y0:y1, x0:x1] = True
    return Segments.from_masks(masks, np.linspace(0.8, 0.4, len(places)).astype(np.float32))


def test_what_ends_where_a_piece_was_cut_is_left_out() -> None:
    found = boxes(
        (20, 20), (0, 5, 5, 10), (5, 10, 0, 5), (5, 10, 15, 20), (15, 20, 5, 10), (5, 9, 5, 9)
    )
    # the piece's upper and left edges are none of the photo's
    assert whole_ones(found, WINDOW, SIZE).counts == found.counts[2:]
    assert len(whole_ones(found, (slice(0, 60), slice(0, 80)), SIZE)) == 5


def test_each_thing_is_there_once_and_as_it_looks_from_near() -> None:
    assert lengths(window_in(WINDOW, SIZE, FRAME)) == (20, 20)
    whole = boxes(FRAME, (0, 8, 0, 8), (14, 19, 24, 30))
    near = boxes((20, 20), (4, 9, 4, 9), (12, 15, 12, 15))  # the second of those, and another
    together = joined(whole, [near], [WINDOW], SIZE, most=10)
    assert together.size == FRAME
    assert len(together) == 3
    assert (np.diff(together.quality) <= 0).all()
    found = {tuple(box) for box in together.boxes.astype(int).tolist()}
    assert found == {(0, 0, 8, 8), (24, 14, 29, 19), (32, 22, 35, 25)}
    assert len(joined(whole, [near], [WINDOW], SIZE, most=2)) == 2
    assert joined(whole, [], [], SIZE, most=10).counts == whole.counts
    nothing = Segments.empty(FRAME)
    assert not len(joined(nothing, [Segments.empty((20, 20))], [WINDOW], SIZE, most=10))


def test_what_is_too_small_for_the_frame_is_left_out() -> None:
    near = boxes((200, 200), (101, 102, 101, 102), (50, 90, 50, 90))
    together = joined(Segments.empty(FRAME), [near], [WINDOW], SIZE, most=10)
    assert together.areas.tolist() == [16]
