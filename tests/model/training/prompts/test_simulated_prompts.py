import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model.training.prompts.simulated_prompts import MOST_NOISE, boxes, clicks, corrections

CELL = 4
COVER = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.75, 1.0]),
).filter(lambda cover: bool((cover.max(axis=(1, 2)) > 0).all()))


def cells(points: torch.Tensor) -> list[tuple[int, int]]:
    """(row, column) of the cells that hold points."""
    return [(int((y + 0.5) // CELL), int((x + 0.5) // CELL)) for x, y in points.tolist()]


@settings(max_examples=150)
@given(COVER, st.integers(0, 999))
def test_clicks_land_inside_of_their_regions(cover: np.ndarray, seed: int) -> None:
    torch.manual_seed(seed)
    points = clicks(torch.from_numpy(cover))
    for region, (row, column) in zip(cover, cells(points), strict=True):
        best = region.max()
        assert region[row, column] > 0.5 if best > 0.5 else region[row, column] == best


def test_every_cell_of_a_region_is_as_likely() -> None:
    torch.manual_seed(0)
    cover = torch.zeros(1, 4, 4)
    cover[0, 1, 1:3], cover[0, 3, 0], cover[0, 0, 0] = 1.0, 0.6, 0.5
    drawn = [cells(clicks(cover))[0] for _ in range(600)]
    counts = {cell: drawn.count(cell) for cell in set(drawn)}
    assert set(counts) == {(1, 1), (1, 2), (3, 0)}
    assert min(counts.values()) > 150


@settings(max_examples=150)
@given(COVER, st.integers(0, 999))
def test_boxes_are_near_those_of_a_loop_and_in_the_frame(cover: np.ndarray, seed: int) -> None:
    torch.manual_seed(seed)
    height, width = cover.shape[1:]
    for region, box in zip(cover, boxes(torch.from_numpy(cover)).tolist(), strict=True):
        inside = region > 0.5 if region.max() > 0.5 else region == region.max()
        rows, columns = np.nonzero(inside)
        true = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) * CELL
        assert np.abs(np.array(box) - true).max() <= MOST_NOISE + 1
        assert min(box) >= 0
        assert box[0] < width * CELL
        assert box[2] <= width * CELL - 1
        assert box[3] <= height * CELL - 1


def test_boxes_of_small_things_move_little() -> None:
    torch.manual_seed(0)
    cover = torch.zeros(400, 28, 28)
    cover[:, 10:15, 8:12] = 1
    drawn = boxes(cover)
    torch.testing.assert_close(
        drawn.mean(dim=0), torch.tensor([31.5, 39.5, 47.5, 59.5]), atol=0.5, rtol=0
    )
    torch.testing.assert_close(
        drawn.std(dim=0), torch.tensor([1.6, 2.0, 1.6, 2.0]), atol=0.3, rtol=0
    )


@settings(max_examples=150)
@given(COVER, st.integers(0, 999))
def test_corrections_point_at_errors_and_say_which(cover: np.ndarray, seed: int) -> None:
    torch.manual_seed(seed)
    logits = torch.randn(cover.shape)
    points, labels = corrections(logits, torch.from_numpy(cover))
    for row, (y, x) in enumerate(cells(points)):
        true = cover[row] > 0.5
        wrong = true != (logits[row] > 0).numpy()
        if wrong.any():
            assert wrong[y, x]
            assert labels[row] == true[y, x]
        else:
            assert labels[row] == 1
            assert cover[row, y, x] > 0.5 or cover[row].max() <= 0.5
