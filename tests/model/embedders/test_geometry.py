import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st

from model import Segments
from model.embedders.geometry import PLACES, places


def box(height: int, width: int, y0: int, x0: int, y1: int, x1: int) -> Segments:
    mask = np.zeros((1, height, width), np.bool_)
    mask[0, y0:y1, x0:x1] = True
    return Segments.from_masks(mask)


def test_by_hand() -> None:
    found = places(box(10, 20, 5, 0, 10, 10))[0]
    assert found.shape == (PLACES,)
    assert found[:4] == pytest.approx([0, 0.5, 0.5, 1])
    assert found[4:7] == pytest.approx([0.5, 1, np.log(2)])
    assert found[7:11] == pytest.approx([0.25, 0.75, 0.5, 0.5])


@given(
    st.integers(0, 5), st.integers(0, 5), st.integers(1, 4), st.integers(1, 4), st.integers(2, 5)
)
def test_the_frame_does_not_matter(y: int, x: int, h: int, w: int, factor: int) -> None:
    edges = (y, x, y + h, x + w)
    small = places(box(10, 12, *edges))
    large = places(box(10 * factor, 12 * factor, *(factor * edge for edge in edges)))
    assert_close(small, large, terms=10, scale=float(np.abs(large).max()))


def test_the_last_is_how_well_the_mask_is_thought_to_fit() -> None:
    drawn = box(10, 20, 5, 0, 10, 10)
    guessed = Segments.from_counts(drawn.size, drawn.counts, [0.25])
    assert places(drawn)[0, -1] == 1
    assert places(guessed)[0, -1] == 0.25
    assert places(drawn.with_whole())[1, -1] == 0


def test_no_segments_have_no_places() -> None:
    assert places(Segments.empty((5, 5))).shape == (0, PLACES)
