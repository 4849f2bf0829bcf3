import numpy as np
import pytest

from model import Embeddings, EmbeddingSpace
from model.errors import SpaceMismatch

SPACE = EmbeddingSpace("test", 4, "feed")


def test_rows_are_made_unit_and_compared() -> None:
    some = Embeddings.unit(np.array([[3.0, 0, 0, 0], [1, 1, 0, 0]]), SPACE)
    assert some.vectors.dtype == np.float32
    assert some.similarity(some) == pytest.approx(
        np.array([[1, 0.5**0.5], [0.5**0.5, 1]]), abs=1e-6
    )
    assert len(some[1:]) == 1
    assert len(Embeddings.empty(SPACE)) == 0


@pytest.mark.parametrize("row", [[0, 0, 0, 0], [np.nan, 0, 0, 1], [np.inf, 0, 0, 0]])
def test_a_row_without_direction_is_refused(row: list[float]) -> None:
    with pytest.raises(ValueError, match="zero or not finite"):
        Embeddings.unit(np.array([row]), SPACE)


@pytest.mark.parametrize("vectors", [np.ones((2, 3)), np.ones(4), np.full((1, 4), 0.7)])
def test_shapes_and_lengths_are_checked(vectors: np.ndarray) -> None:
    with pytest.raises(ValueError, match="vectors"):
        Embeddings(vectors.astype(np.float32), SPACE)


def test_two_spaces_never_mix() -> None:
    one = Embeddings.unit(np.ones((1, 4)), SPACE)
    for other in (EmbeddingSpace("test", 4, "beef"), EmbeddingSpace("other", 4, "feed")):
        with pytest.raises(SpaceMismatch):
            one.similarity(Embeddings.unit(np.ones((1, 4)), other))
