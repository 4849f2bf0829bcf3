"""Training the segment head on cached features."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model.encoders.efficientnet import CHANNELS
from model.training.contrastive import Temperature, contrastive_loss
from model.training.examples import Examples
from model.use.head import SegmentHead


@dataclass(frozen=True)
class Recipe:
    """How the head is trained.

    Attributes:
        width: of the fused feature.
        dropout: share of features dropped.
        steps: batches.
        batch: segments a batch, each with one text drawn anew.
        rate: AdamW's highest learning rate; warmed up over a twentieth of the steps, then cosine.
        decay: AdamW's weight decay.
        seed: of the weights, the batches and the texts drawn.
    """

    width: int = 512
    dropout: float = 0.2
    steps: int = 2500
    batch: int = 256
    rate: float = 1e-3
    decay: float = 0.05
    seed: int = 0


def train_head(
    examples: Examples,
    text_vectors: NDArray[np.float32],
    recipe: Recipe,
    progress: Callable[[int, float], None],
) -> SegmentHead:
    """A head that puts the examples' segments near their texts.

    Args:
        examples: what to learn.
        text_vectors: T×D unit vectors of `examples.texts`.
        recipe: how.
        progress: told the step and the mean loss of the steps since it was last told.
    """
    torch.manual_seed(recipe.seed)
    random = np.random.default_rng(recipe.seed)
    head = SegmentHead(CHANNELS, recipe.width, text_vectors.shape[1], recipe.dropout).train()
    temperature = Temperature()
    optimiser = torch.optim.AdamW(
        [
            {"params": head.parameters(), "weight_decay": recipe.decay},
            {"params": temperature.parameters(), "weight_decay": 0.0},
        ],
        lr=recipe.rate,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: learning_rate(step, recipe.steps)
    )
    vectors = torch.from_numpy(text_vectors)
    count = (examples.true_texts >= 0).sum(axis=1)
    threshold = np.cumsum(examples.weight)
    losses: list[float] = []
    for step in range(recipe.steps):
        rows = np.searchsorted(threshold, random.random(recipe.batch) * threshold[-1])
        true = examples.true_texts[rows]
        drawn = true[np.arange(len(rows)), random.integers(0, count[rows])]
        positive = (true[:, :, None] == drawn[None, None, :]).any(axis=1)
        with torch.autocast("cpu", torch.bfloat16):
            out = head(
                torch.from_numpy(examples.pooled[rows].astype(np.float32)),
                torch.from_numpy(examples.whole[rows].astype(np.float32)),
            )
        loss = contrastive_loss(
            out.float(), vectors[drawn], torch.from_numpy(positive), temperature()
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0 or step + 1 == recipe.steps:
            progress(step + 1, float(np.mean(losses)))
            losses.clear()
    return head.eval().requires_grad_(False)


def learning_rate(step: int, steps: int) -> float:
    """The rate at a step as a share of the highest: linear warm-up, then half a cosine."""
    warm = max(steps // 20, 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1)))


def embedded(
    head: SegmentHead, pooled: NDArray[np.float16], whole: NDArray[np.float16]
) -> NDArray[np.float32]:
    """M×D float32 unit vectors of M pooled features, a chunk at a time."""
    rows = []
    with torch.inference_mode():
        for start in range(0, len(pooled), 4096):
            chunk = slice(start, start + 4096)
            rows.append(
                head(
                    torch.from_numpy(pooled[chunk].astype(np.float32)),
                    torch.from_numpy(whole[chunk].astype(np.float32)),
                ).numpy()
            )
    return np.concatenate(rows)
