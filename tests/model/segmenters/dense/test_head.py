import math

import torch
from closeness import assert_close
from torch import Tensor

from model.segmenters.dense.head import HYPOTHESES, UNIT, DenseHead, DenseProposals
from model.segmenters.neck import Pyramid


def proposals(height: int = 12, width: int = 8, depth: int = 5) -> DenseProposals:
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    rows, columns = height // 2, width // 2
    return DenseProposals(
        draw(depth, height, width),
        draw(rows, columns, HYPOTHESES, depth + 1),
        draw(rows, columns, HYPOTHESES, 4) * 0.5,
        draw(rows, columns, HYPOTHESES),
    )


def naive(p: DenseProposals, cell: int, hypothesis: int, y: int, x: int) -> float:
    depth = p.prototypes.shape[0]
    row, column = divmod(cell, p.quality.shape[1])
    mixed = p.coefficients[row, column, hypothesis]
    logit = sum(float(mixed[d] * p.prototypes[d, y, x]) for d in range(depth)) + float(mixed[-1])
    down, right, tall, wide = p.windows[row, column, hypothesis].tolist()
    side = 2 * UNIT
    away_y = ((y + 0.5) / side - (2 * row + 1) / side - down) / math.exp(tall)
    away_x = ((x + 0.5) / side - (2 * column + 1) / side - right) / math.exp(wide)
    return logit - 2 * math.sqrt(1 + away_y**2 + away_x**2)


def test_masks_equal_the_naive_loop() -> None:
    p = proposals()
    cells, hypotheses = torch.tensor([0, 9, 23]), torch.tensor([2, 0, 1])
    masks = p.masks(cells, hypotheses)
    assert masks.shape == (3, 12, 8)
    for n in range(3):
        for y, x in ((0, 0), (5, 7), (11, 3)):
            expected = naive(p, int(cells[n]), int(hypotheses[n]), y, x)
            assert_close(masks[n, y, x], expected, terms=5 + 1 + 4, scale=10)


def test_masks_of_resized_proposals_are_the_masks_resized() -> None:
    p = proposals(32, 32)
    flat = DenseProposals(torch.ones_like(p.prototypes), p.coefficients, p.windows * 0, p.quality)
    cells, hypotheses = torch.tensor([17, 200]), torch.tensor([0, 2])
    half = flat.resized((16, 16)).masks(cells, hypotheses)
    full = torch.nn.functional.avg_pool2d(flat.masks(cells, hypotheses)[None], 2)[0]
    torch.testing.assert_close(half, full, atol=2e-3, rtol=1e-3)


def test_before_training_the_three_differ_in_size() -> None:
    torch.manual_seed(0)
    head = DenseHead(width=8, fine=6, prototypes=4).eval()
    quiet = Pyramid(torch.zeros(2, 6, 96, 96), torch.zeros(2, 8, 48, 48), torch.zeros(2, 8, 24, 24))
    photos = head(quiet)
    assert len(photos) == 2
    masks = photos[1].masks(torch.tensor([24 * 48 + 24] * 3), torch.arange(3)) > 0
    small, middle, large = masks.sum(dim=(1, 2)).tolist()
    assert 0 < small < middle < large
    assert photos[0].quality.shape == (48, 48, HYPOTHESES)


def test_a_window_ends_what_equal_looks_would_join() -> None:
    p = proposals(32, 32, depth=1)
    two = torch.full((1, 32, 32), -4.0)
    two[:, 8:16, 2:10] = two[:, 8:16, 22:30] = 4.0
    windows = torch.zeros(16, 16, HYPOTHESES, 4)
    windows[..., 2:] = math.log(6 / (2 * UNIT))
    alike = torch.cat([torch.ones(16, 16, HYPOTHESES, 1), torch.ones(16, 16, HYPOTHESES, 1)], -1)
    p = DenseProposals(two, alike, windows, p.quality)
    mask = p.masks(torch.tensor([6 * 16 + 3]), torch.tensor([0]))[0] > 0
    assert mask[8:16, 2:10].float().mean() > 0.9
    assert not mask[8:16, 22:30].any()


def test_a_window_has_the_same_pixels_whatever_the_photo_s_side() -> None:
    """The same features in a larger input draw the same mask, only elsewhere."""
    small, large = (torch.zeros(1, 2 * rows, 2 * rows) for rows in (16, 24))
    drawn = []
    for prototypes in (small, large):
        rows = prototypes.shape[1] // 2
        windows = torch.zeros(rows, rows, HYPOTHESES, 4)
        windows[..., 2:] = math.log(5 / (2 * UNIT))
        bias = torch.full((rows, rows, HYPOTHESES, 2), 3.0)
        p = DenseProposals(prototypes, bias, windows, torch.zeros(rows, rows, HYPOTHESES))
        drawn.append(p.masks(torch.tensor([6 * rows + 5]), torch.tensor([1]))[0])
    assert_close(drawn[0], drawn[1][:32, :32], terms=2 + 4)
