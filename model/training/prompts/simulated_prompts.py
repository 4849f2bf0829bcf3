"""Prompts as people would give them: clicks in a region, its box drawn by a hurried hand,
corrections of what was got wrong (SAM, appendix A)."""

from __future__ import annotations

import torch
from torch import Tensor

from model.training.losses.mask_targets import boxes_around, inside

NOISE = 0.1  # of a box' corners: standard deviation, as a share of its sides
MOST_NOISE = 9.0  # pixels of the frame


def clicks(cover: Tensor, cell: float = 4.0) -> Tensor:
    """N×2 float32 points (x, y), each somewhere in its region.

    Args:
        cover: N×h×w, the share of each cell that the region covers. Cells of which more than half
            is covered are all as likely; of a region too thin for that, its best covered cells.
        cell: pixels of a cell's side.

    Returns:
        Pixels of the frame; whole numbers are pixels' centres, as SAM counts.
    """
    place = torch.multinomial(inside(cover).flatten(1).float(), 1)[:, 0]
    width = cover.shape[2]
    corner = torch.stack([place % width, place // width], dim=1)
    return (corner + torch.rand(len(cover), 2, device=cover.device)) * cell - 0.5


def boxes(cover: Tensor, cell: float = 4.0) -> Tensor:
    """N×4 float32 boxes (x0, y0, x1, y1 in pixels of the frame) around N regions (N×h×w cover),
    each side moved by chance: by a tenth of the box, `MOST_NOISE` pixels at most."""
    tight = boxes_around(cover) * cell
    sides = (tight[:, 2:] - tight[:, :2]).repeat(1, 2)
    moved = torch.randn_like(sides) * NOISE * sides
    height, width = cover.shape[1:]
    limit = torch.tensor([width, height], device=cover.device) * cell - 1
    drawn = tight + moved.clamp(-MOST_NOISE, MOST_NOISE) - 0.5
    return drawn.clamp(min=0).minimum(limit.repeat(2))


def corrections(logits: Tensor, cover: Tensor, cell: float = 4.0) -> tuple[Tensor, Tensor]:
    """N×2 points where the masks are wrong, and N labels: 1 what was left out, 0 what was too much.

    Where nothing is wrong, a point inside.

    Args:
        logits: N×h×w masks as they are.
        cover: N×h×w shares of the regions meant.
        cell: pixels of a cell's side.
    """
    wrong = (logits > 0) != (cover > 0.5)
    right = ~wrong.flatten(1).any(dim=1)
    points = clicks(torch.where(right[:, None, None], cover, wrong.to(cover.dtype)), cell)
    column, row = ((points + 0.5) / cell).long().unbind(dim=1)
    meant = cover[torch.arange(len(cover), device=cover.device), row, column] > 0.5
    return points, (meant | right).long()
