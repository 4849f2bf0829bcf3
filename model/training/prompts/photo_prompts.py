"""Prompts for the regions of several photos at once, and the tokens that they become."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from segment_anything.modeling import PromptEncoder
from torch import Tensor

from model.training.prompts.simulated_prompts import boxes, clicks, corrections


@dataclass(frozen=True, eq=False)
class Prompts:
    """Prompts for B photos: by points in the first half of the P regions of each, by boxes in
    the second.

    Attributes:
        points, labels: B×P/2×K×2 and B×P/2×K: 1 inside, 0 outside.
        boxed, boxed_labels: the same with K - 1 points, beside the boxes.
        boxes: B×P/2×4.
        previous: (B·P)×1×4h×4w logits of the masks before, or nothing.
    """

    points: Tensor
    labels: Tensor
    boxed: Tensor
    boxed_labels: Tensor
    boxes: Tensor
    previous: Tensor | None = None

    @classmethod
    def first(cls, cover: Tensor) -> Prompts:
        """One point, or a box, for each of B×P×H×W regions."""
        photos, regions = cover.shape[:2]
        pointed, boxed = (half.flatten(0, 1) for half in cover.chunk(2, dim=1))
        points = clicks(pointed).view(photos, regions // 2, 1, 2)
        labels = torch.ones_like(points[..., 0])
        drawn = boxes(boxed).view(photos, regions // 2, 4)
        return cls(points, labels, points[:, :, :0], labels[:, :, :0], drawn)

    def corrected(self, logits: Tensor, cover: Tensor) -> Prompts:
        """Prompts with one more point each where the masks (B×P×H×W logits) are wrong."""
        at, label = corrections(logits.flatten(0, 1), cover.flatten(0, 1))
        points, boxed = at.view(*cover.shape[:2], 1, 2).chunk(2, dim=1)
        labels, boxed_labels = label.view(*cover.shape[:2], 1).to(self.labels).chunk(2, dim=1)
        return Prompts(
            torch.cat([self.points, points], dim=2),
            torch.cat([self.labels, labels], dim=2),
            torch.cat([self.boxed, boxed], dim=2),
            torch.cat([self.boxed_labels, boxed_labels], dim=2),
            self.boxes,
            logits.flatten(0, 1)[:, None],
        )

    def encoded(self, encoder: PromptEncoder) -> tuple[Tensor, Tensor]:
        """(B·P)×(K+1)×C tokens, and what is added to the cells; places need float32."""
        with torch.autocast(self.points.device.type, enabled=False):
            pointed, _ = encoder((self.points.flatten(0, 1), self.labels.flatten(0, 1)), None, None)
            beside = (self.boxed.flatten(0, 1), self.boxed_labels.flatten(0, 1))
            boxed, _ = encoder(
                beside if beside[0].shape[1] else None, self.boxes.flatten(0, 1), None
            )
            _, dense = encoder(None, None, self.previous)
        photos = len(self.points)
        halves = [half.unflatten(0, (photos, -1)) for half in (pointed, boxed)]
        return torch.cat(halves, dim=1).flatten(0, 1), dense
