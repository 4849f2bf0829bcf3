"""The dense head: every cell of a grid proposes a part, a thing and a whole that hold it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.segmenters.neck import ConvNorm, Pyramid

HYPOTHESES = 3
UNIT = 56  # cells at stride 8: windows are told in units of 448 pixels, whatever the input's side
_WINDOW = 4  # centre (y, x) and reach (y, x)
_FIRST_REACH = (0.06, 0.18, 0.5)  # of a part, a thing and a whole, before anything is learned


@dataclass(frozen=True, eq=False)
class DenseProposals:
    """Proposals of the dense head for one photo.

    A mask's logit at a place is the product of its coefficients with the prototypes there, less
    the distance from the mask's centre, measured in its reach (rounded at the centre). So a
    proposal is an appearance and a window; the window is what tells two equal things apart.

    Attributes:
        prototypes: D×H×W at stride 4.
        coefficients: h×w×3×(D+1) at stride 8; the last one is a bias.
        windows: h×w×3×4: the centre's y and x relative to the cell's and the reach in y and x
            (natural logarithm), in units of 448 pixels of the input.
        quality: h×w×3 logits of the expected IoU.
    """

    prototypes: Tensor
    coefficients: Tensor
    windows: Tensor
    quality: Tensor

    def masks(self, cells: Tensor, hypotheses: Tensor) -> Tensor:
        """N×H×W float32 mask logits at stride 4.

        Args:
            cells: N int64, row-major numbers of cells of the grid.
            hypotheses: N int64, which of the three.
        """
        depth, height, width = self.prototypes.shape
        coefficients, away_y, away_x = self.told(cells, hypotheses)
        appearance = coefficients[:, :depth] @ self.prototypes.reshape(depth, -1)
        appearance = appearance.float().view(-1, height, width)
        away = (1 + away_y.square())[:, :, None] + away_x.square()[:, None, :]
        bias = coefficients[:, depth].float()[:, None, None]
        # in place: thousands of masks are drawn for each photo
        return appearance.sub_(away.sqrt_(), alpha=2).add_(bias)

    def told(self, cells: Tensor, hypotheses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is told of N masks, to be drawn with the prototypes.

        Args:
            cells: N int64, row-major numbers of cells of the grid.
            hypotheses: N int64, which of the three.

        Returns:
            N×(D+1) coefficients; and N×H and N×W float32, how far each row and each column of the
            prototypes lies from the mask's centre, measured in its reach.
        """
        height, width = self.prototypes.shape[1:]
        rows, columns = self.quality.shape[:2]
        row, column = cells // columns, cells % columns
        window = self.windows[row, column, hypotheses].float()
        centre_y = (row + 0.5) / UNIT + window[:, 0]
        centre_x = (column + 0.5) / UNIT + window[:, 1]
        reach = torch.exp(window[:, 2:])
        away_y = (_places(height, UNIT * height / rows, window) - centre_y[:, None]) / reach[:, :1]
        away_x = (_places(width, UNIT * width / columns, window) - centre_x[:, None]) / reach[:, 1:]
        return self.coefficients[row, column, hypotheses], away_y, away_x

    def resized(self, size: tuple[int, int]) -> DenseProposals:
        """Proposals with masks of (height, width) cells, by averages over areas."""
        if self.prototypes.shape[1:] == size:
            return self
        prototypes = functional.interpolate(self.prototypes[None], size, mode="area")[0]
        return replace(self, prototypes=prototypes)


def _places(count: int, unit: float, like: Tensor) -> Tensor:
    """1×count centres of cells, in units of so many cells."""
    return ((torch.arange(count, device=like.device) + 0.5) / unit).to(like.dtype)[None]


class DenseHead(nn.Module):
    """Prototypes at stride 4; coefficients, windows and expected IoUs at stride 8.

    Args:
        width: channels of the pyramid's grid.
        fine: channels of the pyramid's fine map.
        prototypes: D.
    """

    def __init__(self, width: int = 96, fine: int = 64, prototypes: int = 48) -> None:
        super().__init__()
        self.depth = prototypes
        self.draw = nn.Sequential(ConvNorm(fine, fine), nn.ReLU(), nn.Conv2d(fine, prototypes, 1))
        self.tower = nn.Sequential(
            ConvNorm(width, width), nn.ReLU(), ConvNorm(width, width), nn.ReLU()
        )
        self.propose = nn.Conv2d(width, HYPOTHESES * (prototypes + 1 + _WINDOW + 1), 1)
        self._start()

    def forward(self, pyramid: Pyramid) -> list[DenseProposals]:
        """Proposals of every cell of each photo of the batch."""
        return self.read(self.propose(self.tower(pyramid.grid)), self.draw(pyramid.fine))

    def read(self, proposed: Tensor, prototypes: Tensor) -> list[DenseProposals]:
        """Proposals of each photo of the batch, from what the last layers give.

        Args:
            proposed: B×C×h×w of `propose`.
            prototypes: B×D×H×W of `draw`.
        """
        said = proposed.permute(0, 2, 3, 1)
        said = said.reshape(*said.shape[:3], HYPOTHESES, -1)
        parts = [self.depth + 1, _WINDOW, 1]
        coefficients, windows, quality = torch.split(said, parts, dim=-1)
        windows = torch.cat([windows[..., :2] * 0.1, windows[..., 2:].clamp(-4, 2)], dim=-1)
        fields = (prototypes, coefficients, windows, quality[..., 0])
        return [DenseProposals(*parts) for parts in zip(*(f.unbind() for f in fields), strict=True)]

    def _start(self) -> None:
        """Three different sizes to begin with, so that none of the three is left idle."""
        per = self.depth + 1 + _WINDOW + 1
        with torch.no_grad():
            self.propose.weight.mul_(0.3)
            bias = torch.zeros(HYPOTHESES, per)
            bias[:, self.depth] = 3.0
            for index, reach in enumerate(_FIRST_REACH):
                bias[index, self.depth + 3 : self.depth + 5] = math.log(reach)
            assert self.propose.bias is not None
            self.propose.bias.copy_(bias.flatten())
