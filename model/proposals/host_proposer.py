"""Proposals of a host whose queries know the words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PillowImage
from safetensors.torch import save_file
from torch.nn import functional

from model.encoders.efficientnet import input_size
from model.encoders.sentence import SentenceEncoder
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.novelty import novel_segments
from model.proposals.proposer import MOST, Proposer
from model.proposals.query_host import SHOWN, QueryHost
from model.proposals.text_gate import PromptTokens
from model.weights.tensor_file import network_file

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class HostProposer(Proposer):
    """Masks of a `QueryHost`.

    Args:
        network: trained host, gates and head.
        sentences: encoder of the prompts' tokens.
        side: pixels of the photo's longer side, as the host looks at it; a multiple of 32.
        mean, std: three numbers each, of the channels in [0, 1], by which the host's pixels are
            normalised.
    """

    def __init__(
        self,
        network: QueryHost,
        sentences: SentenceEncoder,
        side: int = 512,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        self._network = network.eval().requires_grad_(False)
        self._sentences, self._side = sentences, side
        self._mean, self._std = (np.array(each, np.float32) for each in (mean, std))

    @property
    def fingerprint(self) -> str:
        """Hex digest of all weights, and of how photos are looked at."""
        digest = hashlib.sha256(f"{self._side} {self._mean} {self._std}".encode())
        for name, value in sorted(self._network.state_dict().items()):
            digest.update(f"{name} {tuple(value.shape)}".encode())
            digest.update(value.contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.inference_mode()
    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks of the queries that show the prompt most surely; of an empty one, of the queries
        that show anything, as the host's own head sees it."""
        answers = self._network(self._pixels(image), self._tokens(prompt))
        sure = answers.shows[-1][0].softmax(dim=1)[:, SHOWN]
        if not prompt.strip():
            sure = 1 - answers.classes[0].softmax(dim=1)[:, -1]
        logits = functional.interpolate(
            answers.masks[-1], known.size, mode="bilinear", align_corners=False
        )[0]
        inside = logits > 0
        # as Mask2Former scores its instances: how sure the pixels of the mask are
        fit = (logits.sigmoid() * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1)
        counts = rle.encode(inside.numpy())
        return novel_segments(counts, (sure * fit).numpy(), fit.numpy(), known, most)

    def _pixels(self, image: Image) -> torch.Tensor:
        height, width = input_size(image.size, self._side)
        seen = PillowImage.fromarray(image.pixels).resize(
            (width, height), PillowImage.Resampling.BILINEAR
        )
        scaled = (np.asarray(seen, np.float32) / 255 - self._mean) / self._std
        return torch.from_numpy(scaled.transpose(2, 0, 1).copy())[None]

    def _tokens(self, prompt: str) -> PromptTokens:
        vectors, seen = self._sentences.tokens([prompt])
        return PromptTokens(vectors, seen if prompt.strip() else torch.zeros_like(seen))


def save_gates(network: QueryHost, path: Path) -> None:
    """Write what was learned beside a host, its gates and its head, to a safetensors file."""
    own = {
        name: value.contiguous()
        for name, value in network.state_dict().items()
        if name.startswith(("gates.", "shows."))
    }
    save_file(own, path)


def load_gates(network: QueryHost, path: Path) -> None:
    """Put gates and head of a file into a network of the same host, in place.

    Raises:
        WeightsMismatch: the file holds none, or those of another host.
    """
    with network_file(
        path, "the gates of a host for prompts", "name the file that was written for this host"
    ) as (_, tensors):
        absent = network.load_state_dict(tensors, strict=False)
        own = [name for name in absent.missing_keys if name.startswith(("gates.", "shows."))]
        if own or absent.unexpected_keys:
            raise KeyError(*own, *absent.unexpected_keys)
