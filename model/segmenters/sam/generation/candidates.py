"""Masks as they leave the decoder: judged at its own size, and cut down to what matters of them.

What is decided here is decided for sure, or as good as: a mask is dropped only if it is far from
stable, and where its box lies at the photo's size is told as a range. What is left open is decided
at the photo's size, for those few masks that come that far (`selection`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.segmenters.sam.generation.async_copy import Departing
from model.segmenters.sam.generation.upsampling import Enlarged, Piece, Thresholds, cut_out
from model.segmenters.sam.resize_maps import Axis, Frame

Box = tuple[int, int, int, int]
_NEAR, _OUTLINE = 0.03, 1.5  # how far stability may be off: so much, and so much over √area
_SHORT = 2  # cells by which a mask may fall short of its extent in cells


@dataclass(frozen=True, eq=False)
class Candidate:
    """A mask that may be kept.

    Attributes:
        number: number that tells equal ones apart, the lower the better.
        quality: its estimated IoU.
        point: x and y of the point that asked for it, pixels of its frame.
        piece: piece of its logits; or already the mask at its frame's size.
        inner, outer: boxes within and around its box at the photo's size; XYXY, inclusive. The
            inner one may be turned inside out, and then holds nothing.
    """

    number: int
    quality: float
    point: tuple[float, float]
    piece: Piece | Enlarged
    inner: Box
    outer: Box


class ScoredMasks:
    """N masks of which those that may turn out stable are on their way to the host.

    Args:
        logits: N×h×w, the cells that the frame reads, on any device.
        quality: N estimated IoUs.
        points: N×2, pixels of the frame.
        numbers: N int64, by which masks of equal quality are told apart.
        frame: map from the frame's pixels to the cells they read.
        thresholds: logits at which masks are cut.
        stable: the least stability of a mask that is kept, at the photo's size.
    """

    def __init__(
        self,
        logits: Tensor,
        quality: Tensor,
        points: NDArray[np.float64],
        numbers: NDArray[np.int64],
        frame: Frame,
        thresholds: Thresholds,
        stable: float,
    ) -> None:
        places = torch.nonzero(_may_be_stable(logits, thresholds, stable))[:, 0]
        likely = logits[places]
        # what exceeds a threshold in a row or column is told by its highest cell
        self._departing = Departing(
            places, quality[places], likely, likely.amax(dim=2), likely.amax(dim=1)
        )
        self._points = points
        self._numbers = numbers
        self._frame = frame
        self._thresholds = thresholds

    def candidates(self) -> Iterator[Candidate]:
        """Masks that pass the filters, at the decoder's resolution, with the logits that matter."""
        thresholds, frame = self._thresholds, self._frame
        for place, quality, logits, row, column in zip(*self._departing.arrived(), strict=True):
            reach = _extent(row > thresholds.lowest), _extent(column > thresholds.lowest)
            y0, y1, y2, y3 = _range(_extent(row > thresholds.inside), frame.rows)
            x0, x1, x2, x3 = _range(_extent(column > thresholds.inside), frame.columns)
            yield Candidate(
                int(self._numbers[place]),
                float(quality),
                (float(self._points[place, 0]), float(self._points[place, 1])),
                cut_out(logits, reach, frame),
                (x1, y1, x2, y2),
                (x0, y0, x3, y3),
            )


def _may_be_stable(logits: Tensor, thresholds: Thresholds, stable: float) -> Tensor:
    """N bool."""
    if stable <= 0:
        return torch.ones(len(logits), dtype=torch.bool, device=logits.device)
    flat = logits.flatten(1)
    higher, lower = (
        (flat > thresholds.inside + offset).sum(dim=1, dtype=torch.int32)
        for offset in (thresholds.offset, -thresholds.offset)
    )
    slack = _NEAR + _OUTLINE / lower.clamp(min=1).sqrt()
    # a pixel is a mean of cells: where no cell exceeds the higher threshold, no pixel does
    return (higher > 0) & (higher / lower >= stable - slack)


def _extent(above: NDArray[np.bool_]) -> slice:
    places = np.flatnonzero(above)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def _range(cells: slice, axis: Axis) -> tuple[int, int, int, int]:
    """First pixel at least, at most; last pixel at least, at most, of a mask in these cells."""
    if cells.stop <= cells.start:
        return 0, 0, 0, 0
    reached = axis.reached(cells)
    start = min(cells.start + _SHORT, len(axis.first_pixel) - 1)
    stop = max(cells.stop - 1 - _SHORT, 0)
    return reached.start, int(axis.first_pixel[start]), int(axis.last_pixel[stop]), reached.stop - 1
