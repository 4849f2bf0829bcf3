import numpy as np
import pytest
from closeness import assert_close, assert_unit
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from indexer.catalog.vector_codec import LARGEST, are_packed, pack, unpack


def unit(n: int, dimension: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive(row: np.ndarray) -> np.ndarray:
    """One component after the other, in the precision of Python."""
    largest = max(abs(float(v)) for v in row)
    numbers = [round(float(v) * LARGEST / largest) for v in row]
    return np.array(numbers) / sum(n * n for n in numbers) ** 0.5


def test_as_a_naive_packing() -> None:
    rows = unit(50, 48)
    for row, read in zip(rows, unpack(pack(rows), 48), strict=True):
        assert_close(read, naive(row), terms=2)  # a square root and a quotient of whole numbers


def test_a_byte_a_component_and_little_is_lost() -> None:
    rows = unit(1000, 384)
    packed = pack(rows)
    assert {len(row) for row in packed} == {384}
    read = unpack(packed, 384)
    assert read.dtype == np.float32
    assert_unit(read)
    cosines = np.einsum("nd,nd->n", rows, read)
    assert cosines.mean() > 0.9999
    assert cosines.min() > 0.9998


@given(
    arrays.arrays(
        np.float32, (3, 16), elements=st.floats(-1, 1, width=32, allow_subnormal=False)
    ).filter(lambda rows: (np.abs(rows).max(axis=1) > 1e-3).all())
)
def test_what_is_read_is_packed_alike_in_any_precision(rows: np.ndarray) -> None:
    packed = pack(rows)
    assert are_packed(packed, 16).all()
    read = unpack(packed, 16)
    assert pack(read) == packed
    assert pack(read.astype(np.float16)) == packed
    assert pack(read.astype(np.float64) * 3) == packed


@pytest.mark.parametrize("damage", [bytes(16), b"\x80" + bytes(15), b"\x7e\x82" + bytes(14)])
def test_bytes_that_nobody_packed_are_told(damage: bytes) -> None:
    sound = pack(unit(2, 16))
    assert are_packed([sound[0], damage, sound[1]], 16).tolist() == [True, False, True]
    assert np.isfinite(unpack([damage], 16)).all()


def test_none_at_all() -> None:
    assert unpack([], 8).shape == (0, 8)
    assert are_packed([], 8).shape == (0,)
    assert pack(np.zeros((0, 8), np.float32)) == []
