from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexer.catalog import box_codec

coordinates = st.one_of(
    st.integers(0, 70_000).map(float), st.floats(width=32, allow_nan=False, allow_infinity=False)
)


@given(arrays(np.float32, 4, elements=coordinates))
def test_a_box_comes_back_as_it_was(box: np.ndarray) -> None:
    assert np.array_equal(np.array(box_codec.unpack(box_codec.pack(box)), np.float32), box)


def test_a_box_of_whole_pixels_takes_eight_bytes() -> None:
    assert len(box_codec.pack(np.array([0, 1, 65535, 7], np.float32))) == 8
    assert len(box_codec.pack(np.array([0, 1, 65536, 7], np.float32))) == 16
    assert len(box_codec.pack(np.array([0, 1.5, 2, 7], np.float32))) == 16


def test_other_bytes_are_no_box() -> None:
    with pytest.raises(struct.error):
        box_codec.unpack(b"12345")
