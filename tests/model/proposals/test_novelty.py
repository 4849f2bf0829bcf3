import numpy as np
from numpy.typing import NDArray

from model.masks import rle
from model.masks.segments import Segments
from model.proposals.novelty import novel_segments


def boxes(*spans: tuple[int, int]) -> NDArray[np.bool_]:
    masks = np.zeros((len(spans), 10, 20), np.bool_)
    for mask, (start, end) in zip(masks, spans, strict=True):
        mask[:, start:end] = True
    return masks


def test_the_best_distinct_masks_that_are_not_known_are_kept() -> None:
    known = Segments.from_masks(boxes((0, 10)))
    masks = rle.encode(boxes((0, 10), (0, 9), (10, 20), (11, 20), (5, 8), (3, 3)))
    found = novel_segments(
        masks, np.array([9, 8, 6, 7, 5, 9]), np.array([1, 1, 0.6, 2, 0.5, 1]), known, 10
    )
    assert found.boxes[:, [0, 2]].tolist() == [[11, 20], [5, 8]]
    assert found.quality.tolist() == [1, 0.5]
    assert found.size == known.size


def test_no_more_are_kept_than_are_asked_for() -> None:
    nothing = Segments.empty((10, 20))
    masks = rle.encode(boxes((0, 4), (4, 8), (8, 12)))
    rank = np.array([1.0, 3.0, 2.0])
    assert novel_segments(masks, rank, rank, nothing, 2).boxes[:, 0].tolist() == [4, 8]
    assert len(novel_segments(masks, rank, rank, nothing, 0)) == 0
    assert len(novel_segments(masks[:0], rank[:0], rank[:0], nothing, 5)) == 0
    assert (
        len(novel_segments(masks[:1], rank[:1], rank[:1], Segments.from_counts((10, 20), masks), 5))
        == 0
    )


def test_likeness_that_is_worked_out_before_changes_nothing() -> None:
    chance = np.random.default_rng(0)
    starts = chance.integers(0, 12, 30)
    widths = chance.integers(1, 8, 30)
    masks = rle.encode(boxes(*zip(starts.tolist(), (starts + widths).tolist(), strict=True)))
    known = Segments.from_counts((10, 20), masks[:8])
    rank = chance.uniform(0, 1, 30)
    likeness = rle.iou(masks, known.counts, known.size).max(axis=1)
    for most in (3, 30):
        one = novel_segments(masks, rank, rank, known, most)
        other = novel_segments(masks, rank, rank, known, most, likeness)
        assert one.counts == other.counts
        assert len(one)
