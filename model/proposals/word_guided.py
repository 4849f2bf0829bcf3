"""Networks from words to masks of the frozen promptable decoder: their face and their file."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model.proposals.prompt_tokens import PromptTokens
from model.proposals.seen_photo import SeenPhotos
from model.segmenters.promptable.network import PromptedSam
from model.weights.tensor_file import fitting, network_file

Draw = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Masks of P queries (P×4h×4w logits) and their P estimated IoUs, by the numbers of their prompts
and by their own, P int64 each."""


@dataclass(frozen=True, eq=False)
class WordAnswers:
    """Answers of K queries to B prompts after one look.

    Attributes:
        shows: B×K logits: whether the query shows the prompt.
        boxes: B×K×4, XYXY as shares of the square frame's side.
        coarse: B×K×h×w mask logits at stride 16.
        tokens: B×K×2×C, added to the tokens of the box' corners.
    """

    shows: Tensor
    boxes: Tensor
    coarse: Tensor
    tokens: Tensor


class WordGuided(nn.Module, ABC):
    """Network of K queries, each a prompt of a frozen decoder, which is no part of this module.

    Attributes:
        holds: name of the network, for errors.
        sizes: dataclass of the network's sizes.
        shape: sizes of this one.
    """

    holds: ClassVar[str]
    sizes: ClassVar[type[Any]]
    shape: Any

    @abstractmethod
    def answered(
        self, promptable: PromptedSam, seen: SeenPhotos, prompt: PromptTokens
    ) -> tuple[list[WordAnswers], Draw]:
        """Answers after each look, the last one's last, and what draws that one's masks.

        Args:
            promptable: frozen network that draws.
            seen: B photos, as it sees them.
            prompt: B prompts.
        """

    def save(self, path: Path) -> None:
        """Write the weights (float16) and the shape to a safetensors file."""
        tensors = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        save_file(tensors, path, metadata={"shape": json.dumps(asdict(self.shape))})

    @classmethod
    def load(cls, path: Path) -> Self:
        """The network in a safetensors file, in float32, for inference.

        Raises:
            WeightsMismatch: the file holds no such network.
        """
        with network_file(
            path,
            f"the weights of {cls.holds}",
            "train them (segsearch train recipes/proposals.toml)",
        ) as (metadata, tensors):
            shape = cls.sizes(**json.loads(metadata["shape"]))
            network = fitting(lambda: cls(shape), tensors)
            network.load_state_dict({name: value.float() for name, value in tensors.items()})
        network.eval().requires_grad_(False)
        return network


def boxes_of(places: Tensor) -> Tensor:
    """…×4 boxes, XYXY as shares of the frame's side, of logits of centres (x, y) and sides."""
    centre, sides = places.sigmoid().chunk(2, dim=-1)
    return torch.cat([centre - sides / 2, centre + sides / 2], dim=-1).clamp(0, 1)


def spread(count: int) -> Tensor:
    """K×4 logits of centres (x, y) and sides (width, height): places all over the frame, sizes
    from a tenth of it to most of it."""
    turn = (torch.arange(count) + 0.5) / count
    golden = (torch.arange(count) * 0.618034 + 0.5) % 1
    side = 0.1 + 0.6 * (torch.arange(count) % 4) / 3
    share = torch.stack([0.15 + 0.7 * turn, 0.15 + 0.7 * golden, side, side], dim=1)
    return torch.logit(share)
