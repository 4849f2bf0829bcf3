"""Masks of dense proposals drawn by the hundred: as `DenseProposals.masks` draws them, but quicker.

A photo has thousands of proposals, and each is drawn. What takes the time is memory, so masks are
drawn some at a time into one block that stays in the processor's cache, in three passes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model.segmenters.dense.head import DenseProposals

AT_ONCE = 64  # masks, of 5,000 cells mostly: a megabyte
_CARRY = 256  # ones, from which on a byte does not hold their number


class Drawing:
    """Proposals of one view, drawn on a grid of so many cells.

    Args:
        proposals: proposals of the view.
        size: (height, width) of the grid, cells.
    """

    def __init__(self, proposals: DenseProposals, size: tuple[int, int]) -> None:
        self._proposals = proposals.resized(size)
        prototypes = self._proposals.prototypes.float().flatten(1)
        # the bias is one more coefficient, of a prototype that is 1 everywhere
        self._prototypes = functional.pad(prototypes, (0, 0, 0, 1), value=1.0)
        self._block = torch.empty(AT_ONCE, *size)

    def logits(self, cells: Tensor, hypotheses: Tensor) -> Tensor:
        """N×height×width float32 mask logits, which the next call draws over.

        Args:
            cells: N int64, row-major numbers of cells; `AT_ONCE` at most.
            hypotheses: N int64, which of the three.
        """
        drawn = self._block[: len(cells)]
        coefficients, away_y, away_x = self._proposals.told(cells, hypotheses)
        torch.add((1 + away_y.square())[:, :, None], away_x.square()[:, None, :], out=drawn)
        drawn.sqrt_()
        drawn.flatten(1).addmm_(coefficients.float(), self._prototypes, beta=-2)
        return drawn


def covered(logits: Tensor, margin: float = 1.0) -> tuple[Tensor, Tensor]:
    """N×cells shares inside and N stabilities of N×h×w mask logits; h and w are even.

    Returns:
        The share of each cell of 2×2 that lies inside; and the IoU, in [0, 1], of each mask at a
        higher and at a lower threshold.
    """
    drawn = logits.numpy()  # whose comparisons and sums of bytes take a quarter of torch's time
    inner, outer = (_pixels((drawn > to).view(np.uint8)) for to in (margin, -margin))
    inside = (drawn > 0).view(np.uint8)
    pairs = (inside[:, 0::2] + inside[:, 1::2]).view(np.uint16)  # two neighbours' bytes
    cells = ((pairs & 0xFF) + (pairs >> 8)).reshape(len(drawn), -1)
    steadiness = inner / np.maximum(outer, 1)
    return torch.from_numpy(cells.astype(np.float32) / 4), torch.from_numpy(steadiness).float()


def _pixels(inside: NDArray[np.uint8]) -> NDArray[np.int32]:
    """N numbers of ones of N×h×w bytes: down the columns first, four bytes in a word."""
    _, height, width = inside.shape
    word = np.uint32 if width % 4 == 0 and height < _CARRY else np.uint8
    down = inside.view(word).sum(axis=1, dtype=word if height < _CARRY else np.uint32)
    lanes = down.view(np.uint8) if height < _CARRY else down
    return np.asarray(lanes.sum(axis=1, dtype=np.int32))
