import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.quantiles import quantile


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50))
def test_quantiles_of_sorted_scores_are_those_of_numpy(scores: list[float]) -> None:
    rows = np.sort(np.array([scores, scores[::-1]], np.float32), axis=1)
    for share in (0.5, 0.99):
        expected = np.quantile(rows.astype(np.float64), share, axis=1)
        np.testing.assert_allclose(quantile(rows, share), expected, rtol=1e-5, atol=1e-6)
