"""Batch that a segment head learns from in one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.encoders.sentence import SentenceEncoder
from model.training.losses.text_targets import numbered
from model.training.segment_head.phrase_bags import BagDraws, PhraseBags
from model.training.segment_head.settings import HeadSettings

Seen = tuple[Tensor, Tensor, Tensor, Tensor]
AsTaken = Callable[[NDArray[np.float16], NDArray[np.float16], NDArray[np.float32]], Seen]


@dataclass(frozen=True, eq=False)
class HeadBatch:
    """B segments, each with one of its texts.

    Attributes:
        seen: pooled features, global features, places and scores, as `SegmentHead` takes them.
        texts: B×D float32 unit rows.
        drawn: B int64, numbers of the texts.
        true: B×K int64, numbers of all texts of each segment, -1 where fewer than K.
        loose: the same of masks of these photos that fit no segment; none without a segmenter.
        bags: photos whose captions name what some of their masks show.
    """

    seen: Seen
    texts: Tensor
    drawn: Tensor
    true: Tensor
    loose: Seen | None = None
    bags: BagBatch | None = None


@dataclass(frozen=True, eq=False)
class BagBatch:
    """N photos, each with one of its phrases.

    Attributes:
        seen: features of M masks of each photo, photo after photo.
        texts: N×D float32 unit rows.
        drawn: N int64, numbers of the phrases.
        true: N×K int64, numbers of all phrases that are true of each photo, -1 where fewer.
    """

    seen: Seen
    texts: Tensor
    drawn: Tensor
    true: Tensor


class PhraseDraws:
    """Draws photos with phrases, and knows the phrases' numbers and vectors."""

    def __init__(self, settings: HeadSettings, bags: PhraseBags, encoder: SentenceEncoder) -> None:
        said = settings.phrases
        self._draws = BagDraws(bags, said.photos, said.masks, settings.balance)
        self._number = {phrase: number for number, phrase in enumerate(bags.counts())}
        self._true = numbered(bags.true(), self._number)
        self._vectors = torch.from_numpy(encoder.encode(list(self._number)))

    def draw(self, random: np.random.Generator, as_taken: AsTaken) -> BagBatch:
        """The photos of one batch; `as_taken` makes of their masks what the head takes."""
        drawn = self._draws.draw(random)
        numbers = torch.tensor([self._number[phrase] for phrase in drawn.phrases])
        return BagBatch(
            as_taken(drawn.pooled, drawn.whole, drawn.places),
            self._vectors[numbers],
            numbers,
            torch.from_numpy(self._true[drawn.photos]),
        )
