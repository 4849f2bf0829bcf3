from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog import vector_codec

pytest.importorskip("pgvector")


@given(st.integers(1, 40), st.integers(1, 4000), st.integers(0, 2**32), st.floats(0.1, 8))
def test_the_bytes_are_told_from_the_halves(
    count: int, dimension: int, seed: int, spread: float
) -> None:
    """However unlike the components are: `exact` is what any other catalog gives back."""
    from pgvector import HalfVector

    from indexer.catalog.postgres.half_vectors import (
        are_kept,
        exact,
        halves,
        kept_numbers,
        sent_halves,
    )

    rng = np.random.default_rng(seed)
    count = min(count, 1 + 20_000 // dimension)
    vectors = rng.standard_normal((count, dimension)).astype(np.float32)
    vectors = np.sign(vectors) * np.abs(vectors) ** np.float32(spread) + np.float32(1e-9)
    packed = vector_codec.pack(vectors)
    rows = vector_codec.unpack(packed, dimension).astype(np.float16)
    sent = sent_halves(vector_codec.numbers_of(vectors))
    assert sent == [HalfVector(row).to_binary() for row in rows]
    kept = halves(sent, dimension)
    assert vector_codec.pack(kept) == packed
    np.testing.assert_array_equal(exact(kept), vector_codec.unpack(packed, dimension))
    np.testing.assert_array_equal(
        kept, vector_codec.unpack(packed, dimension).astype(np.float16).astype(np.float32)
    )
    assert are_kept(sent, dimension).all()
    np.testing.assert_array_equal(
        kept_numbers(sent, dimension)[0], vector_codec.numbers_of(vectors)
    )


def test_what_nobody_kept_is_seen() -> None:
    from pgvector import HalfVector

    from indexer.catalog.postgres.half_vectors import are_kept, halves, sent_halves

    vectors = np.random.default_rng(0).standard_normal((4, 9)).astype(np.float32)
    sent = sent_halves(vector_codec.numbers_of(vectors))
    kept = halves(sent, 9)
    kept[1, 3] *= np.float32(1.5)
    kept[2] = 0
    kept[3, 0] = np.nan
    sent = [HalfVector(row).to_binary() for row in kept.astype(np.float16)]
    assert are_kept(sent, 9).tolist() == [True, False, False, False]
    assert are_kept([], 9).tolist() == []
    with pytest.raises(ValueError):
        halves(sent[:1], 10)
    with pytest.raises(ValueError, match="another length"):
        halves(sent[:1] * 12, 10)
