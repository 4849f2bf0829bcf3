"""Losses of word prompts: queries are matched to the regions of their prompt, look by look."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional
from torchvision.ops import generalized_box_iou_loss

from model.proposals.word_guided import WordAnswers
from model.training.losses.mask_losses import dice_loss
from model.training.losses.mask_targets import boxes_around

CLASS, MASK, DICE, BOX = 2.0, 5.0, 5.0, 5.0
NOTHING = 0.1  # weight of a query that shows nothing
Pairs = tuple[Tensor, Tensor, Tensor]
"""Numbers of the prompts, queries and regions that belong together, P int64 each."""


def cover_boxes(cover: Tensor) -> Tensor:
    """M×4 boxes (XYXY, shares of the frame's sides) of M×h×w covers."""
    height, width = cover.shape[1:]
    sides = torch.tensor([width, height, width, height], device=cover.device)
    return boxes_around(cover) / sides


@torch.no_grad()
def matched(answer: WordAnswers, cover: Sequence[Tensor]) -> Pairs:
    """The one-to-one matching of least cost, prompt by prompt (Hungarian algorithm).

    Args:
        answer: answers to B prompts.
        cover: B tensors M×h×w at stride 16.
    """
    parts: list[tuple[int, int, int]] = []
    for prompt, regions in enumerate(cover):
        if not len(regions):
            continue
        true = regions.flatten(1)
        logits = answer.coarse[prompt].flatten(1)
        inside = logits.sigmoid()
        dice = 1 - (2 * inside @ true.T + 1) / (inside.sum(1)[:, None] + true.sum(1) + 1)
        entropy = functional.softplus(logits).mean(1)[:, None] - logits @ true.T / true.shape[1]
        away = torch.cdist(answer.boxes[prompt], cover_boxes(regions), p=1)
        shows = -answer.shows[prompt].sigmoid()[:, None]
        cost = CLASS * shows + MASK * entropy + DICE * dice + BOX * away
        queries, numbers = linear_sum_assignment(torch.nan_to_num(cost, 1e6).cpu().numpy())
        parts += [(prompt, *pair) for pair in zip(queries.tolist(), numbers.tolist(), strict=True)]
    columns = torch.tensor(parts, dtype=torch.int64, device=answer.shows.device).reshape(-1, 3)
    prompts, queries, numbers = columns.unbind(dim=1)
    return prompts, queries, numbers


def look_terms(answer: WordAnswers, pairs: Pairs, cover: Sequence[Tensor]) -> dict[str, Tensor]:
    """Means over the pairs of one look: what queries show, where it is, and how it looks roughly.

    Args:
        answer: answers to B prompts.
        pairs: result of `matched` for them.
        cover: B tensors M×h×w at stride 16.
    """
    prompts, queries, _ = pairs
    showing = torch.zeros_like(answer.shows)
    showing[prompts, queries] = 1
    weight = torch.where(showing > 0, 1.0, NOTHING)
    entropy = functional.binary_cross_entropy_with_logits(answer.shows, showing, reduction="none")
    terms = {"shows": CLASS * (entropy * weight).sum() / weight.sum()}
    if not len(prompts):
        nothing = answer.boxes.sum() * 0 + answer.coarse.sum() * 0
        return terms | {"box": nothing, "coarse": nothing}
    true = chosen(cover, pairs)
    boxes, expected = answer.boxes[prompts, queries], cover_boxes(true)
    logits = answer.coarse[prompts, queries]
    terms["box"] = BOX * (boxes - expected).abs().sum(dim=1).mean() + CLASS * (
        generalized_box_iou_loss(boxes, expected, reduction="mean")
    )
    rough = functional.binary_cross_entropy_with_logits(logits, true)
    terms["coarse"] = MASK * rough + DICE * dice_loss(logits, true).mean()
    return terms


def chosen(cover: Sequence[Tensor], pairs: Pairs) -> Tensor:
    """P×h×w covers of the paired regions."""
    prompts, _, numbers = pairs
    return torch.stack(
        [cover[b][m] for b, m in zip(prompts.tolist(), numbers.tolist(), strict=True)]
    )
