import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model.training.losses.mask_targets import boxes_around, inside

COVER = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    elements=st.sampled_from([0.0, 0.2, 0.5, 0.75]),
)


@settings(max_examples=40)
@given(COVER)
def test_what_is_inside_and_its_box_are_those_of_a_loop(cover: np.ndarray) -> None:
    found, boxes = inside(torch.from_numpy(cover)), boxes_around(torch.from_numpy(cover))
    for region, within, box in zip(cover, found.numpy(), boxes.tolist(), strict=True):
        best = region.max()
        for place, share in np.ndenumerate(region):
            assert within[place] == (share > 0.5 if best > 0.5 else share == best)
        rows, columns = np.nonzero(within)
        assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_no_region_has_nothing_inside() -> None:
    assert inside(torch.zeros(0, 3, 4)).shape == (0, 3, 4)
    assert boxes_around(torch.zeros(0, 3, 4)).shape == (0, 4)
