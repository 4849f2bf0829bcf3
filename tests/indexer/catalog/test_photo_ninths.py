import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog.photo_ninths import NINTHS, ninths_named, ninths_of
from model.errors import QueryError

SHARES = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(SHARES, SHARES), max_size=20))
def test_each_middle_lies_in_the_ninth_of_its_row_and_column(
    centres: list[tuple[float, float]],
) -> None:
    found = ninths_of(np.array(centres, np.float32).reshape(-1, 2))
    for (x, y), ninth in zip(centres, found.tolist(), strict=True):
        assert ninth in ninths_named([("left", "centre", "right")[min(int(np.float32(x) * 3), 2)]])
        assert ninth in ninths_named([("top", "middle", "bottom")[min(int(np.float32(y) * 3), 2)]])


def test_names_mean_rows_columns_and_ninths() -> None:
    assert ninths_named([]) == frozenset()
    assert ninths_named(["Top  left", "left top"]) == {0}
    assert ninths_named(["left", "bottom"]) == {0, 3, 6, 7, 8}
    assert [ninths_named([name]) for name in NINTHS] == [{place} for place in range(9)]


@pytest.mark.parametrize("name", ["", "sky", "left right", "left left", "top left centre"])
def test_what_is_no_place_is_told(name: str) -> None:
    with pytest.raises(QueryError, match="no place in a photo"):
        ninths_named([name])
