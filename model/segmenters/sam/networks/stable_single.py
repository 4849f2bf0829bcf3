"""SAM 2's single mask: an unstable one gives way to the surest of the hypotheses.

Ravi et al. 2024, "SAM 2: Segment Anything in Images and Videos", as its authors' code has it
(`dynamic_multimask_via_stability`): a prompt that was to mean one thing may mean several all the
same, and then the single mask is a blur of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.segmenters.sam.networks.folded_decoder import FoldedDecoder, Scored
from model.segmenters.sam.promptable import Answers
from model.segmenters.sam.resize_maps import Frame


@dataclass(frozen=True)
class StableSingle:
    """The rule by which a prompt's single mask is chosen.

    Attributes:
        delta: stability is the share of the cells above -delta that are above delta, too.
        least: the least stability of a single mask that is taken.
    """

    delta: float
    least: float

    @classmethod
    def of(cls, decoder: Any) -> StableSingle | None:
        """The rule of a mask decoder of transformers, if it has one."""
        if not getattr(decoder, "dynamic_multimask_via_stability", False):
            return None
        return cls(
            float(decoder.dynamic_multimask_stability_delta),
            float(decoder.dynamic_multimask_stability_thresh),
        )

    def answers(self, decoder: FoldedDecoder, scored: Scored, frame: Frame) -> Answers:
        """One mask for each of N prompts.

        Args:
            decoder: decoder that scored them.
            scored: its scores of every mask, the single one first.
            frame: map that says which of a mask's cells matter.
        """
        drawn = decoder.draw(scored, torch.arange(len(scored.quality), device=decoder.device))
        single = drawn[:, 0].flatten(1)
        above = (single > self.delta).sum(dim=1)
        either = (single > -self.delta).sum(dim=1)
        stability = torch.where(either > 0, above / either, 1.0)
        surest = scored.quality[:, 1:].argmax(dim=1) + 1
        chosen = torch.where(stability >= self.least, 0, surest)[:, None]
        cells = (..., slice(frame.rows.cells_read), slice(frame.columns.cells_read))
        masks = drawn.take_along_dim(chosen[..., None, None], dim=1)[cells]
        return _Drawn(scored.quality.take_along_dim(chosen, dim=1), masks)


class _Drawn(Answers):
    """Answers whose masks are drawn already."""

    def __init__(self, quality: Tensor, logits: Tensor) -> None:
        self.quality, self._logits = quality, logits

    def masks(self, rows: Tensor) -> Tensor:
        return self._logits[rows]
