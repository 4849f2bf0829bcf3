"""Targets of contrastive losses: which texts are true of which segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from model.training.loop.distributed import gathered


def numbered(texts: Sequence[Sequence[str]], number: dict[str, int]) -> NDArray[np.int64]:
    """M×K int64: the numbers of each segment's texts, -1 where fewer than K."""
    table = np.full((len(texts), max(map(len, texts))), -1, np.int64)
    for row, of_segment in enumerate(texts):
        table[row, : len(of_segment)] = [number[text] for text in of_segment]
    return table


def positives(true: Tensor, drawn: Tensor) -> Tensor:
    """B×B bool over the batches of all processes: whether the text drawn for the second is true of
    the first.

    Args:
        true: B×K int64, numbers of all texts of each row of this process, as of `numbered`.
        drawn: B int64, number of the text drawn for each row.
    """
    return (gathered(true)[:, :, None] == gathered(drawn)[None, None, :]).any(dim=1)
