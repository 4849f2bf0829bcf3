import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from model.photos.orientation import to_raw_frame, to_upright, turned_size

ORIENTATIONS = range(1, 9)


@given(st.integers(1, 8), st.integers(1, 7), st.integers(1, 7), st.sampled_from([(), (3,)]))
def test_both_ways_are_inverse(
    orientation: int, height: int, width: int, channels: tuple[int, ...]
) -> None:
    array = np.arange(height * width * (3 if channels else 1)).reshape(height, width, *channels)
    upright = to_upright(array, orientation)
    assert upright.shape[:2] == turned_size((height, width), orientation)
    np.testing.assert_array_equal(to_raw_frame(upright, orientation), array)
    np.testing.assert_array_equal(to_upright(to_raw_frame(array, orientation), orientation), array)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_upright_is_what_pillow_makes_of_it(orientation: int) -> None:
    array = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    image = Image.fromarray(array)
    image.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(to_upright(array, orientation), expected)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_masks_keep_their_type_and_are_not_copied(orientation: int) -> None:
    mask = np.array([[True, False, False], [False, False, False]])
    upright = to_upright(mask, orientation)
    assert upright.dtype == np.bool_
    assert np.shares_memory(upright, mask)


def test_the_eight_are_different() -> None:
    array = np.array([[1, 2, 3], [4, 5, 6]])
    assert len({to_upright(array, each).tobytes() for each in ORIENTATIONS}) == 8


@pytest.mark.parametrize("orientation", [0, 9, -1])
def test_other_orientations_are_refused(orientation: int) -> None:
    with pytest.raises(ValueError, match="orientation is"):
        to_upright(np.zeros((2, 2)), orientation)


def test_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="expected H×W"):
        to_raw_frame(np.zeros(4), 6)
