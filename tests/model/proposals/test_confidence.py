"""Proposals are no surer than they say, and less so where the index doubts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.proposals.confidence import proposal_confidence

SHARES = st.floats(0, 1, width=32)


@given(st.lists(SHARES, max_size=5), SHARES)
def test_between_what_the_index_says_and_what_they_say(own: list[float], recalled: float) -> None:
    told = np.array(own, np.float32)
    found = proposal_confidence(told, recalled)
    assert found.shape == told.shape
    assert (found <= told).all()
    assert (found >= np.minimum(told, recalled) - 1e-6).all()
    if recalled >= max(own, default=0):
        assert found == pytest.approx(told)


def test_the_geometric_mean_where_the_index_is_less_sure() -> None:
    found = proposal_confidence(np.array([0.64, 0.2], np.float32), 0.36)
    assert found == pytest.approx([0.48, 0.2])
    assert proposal_confidence(np.array([0.9], np.float32), 0.0).tolist() == [0.0]
