from __future__ import annotations

import pytest
import torch
from closeness import assert_close

from model.segmenters.dense.drawing import Drawing, covered
from model.segmenters.dense.head import HYPOTHESES, DenseProposals


def test_masks_are_drawn_as_one_by_one() -> None:
    random = torch.Generator().manual_seed(0)
    cells = (6, 9, HYPOTHESES)
    proposals = DenseProposals(
        *(
            torch.randn(shape, generator=random)
            for shape in [(4, 12, 18), (*cells, 5), (*cells, 4)]
        ),
        torch.zeros(cells),
    )
    drawing = Drawing(proposals, (10, 14))
    for number in range(HYPOTHESES):
        which = torch.randint(54, (20,), generator=random)
        hypotheses = torch.full((20,), number)
        expected = proposals.resized((10, 14)).masks(which, hypotheses)
        assert_close(drawing.logits(which, hypotheses), expected, terms=16)


@pytest.mark.parametrize("size", [(6, 8), (8, 6), (300, 4)])
def test_cells_and_stability_are_counted_as_one_by_one(size: tuple[int, int]) -> None:
    logits = torch.randn(3, *size, generator=torch.Generator().manual_seed(0)) * 2
    logits[2] = 9
    cover, steadiness = covered(logits)
    for number, one in enumerate(logits):
        assert steadiness[number] == pytest.approx(float((one > 1).sum() / (one > -1).sum()))
        cells = (one > 0).float().unfold(0, 2, 2).unfold(1, 2, 2).mean(dim=(2, 3))
        assert cover[number].tolist() == cells.flatten().tolist()
    assert covered(torch.full((1, *size), -9.0))[1].tolist() == [0]
