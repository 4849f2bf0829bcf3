"""Proposals of a host whose queries know the words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from safetensors.torch import save_file
from torch.nn import functional
from transformers import Mask2FormerForUniversalSegmentation, MaskFormerForInstanceSegmentation

from model.encoders.efficientnet import input_size
from model.encoders.sentence import SentenceEncoder
from model.errors import WeightsMismatch, shown
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.novelty import novel_segments
from model.proposals.prompt_tokens import prompt_tokens
from model.proposals.proposer import MOST, Proposer
from model.proposals.query_host import SHOWN, QueryHost
from model.weights.tensor_file import network_file
from model.weights.transformers_folder import load_folder, read_config, require_folder
from model.weights.weights_digest import add_weights

SIDE = 512  # pixels
IMAGENET_MEAN = np.array((0.485, 0.456, 0.406), np.float32)
IMAGENET_STD = np.array((0.229, 0.224, 0.225), np.float32)


class HostProposer(Proposer):
    """Masks of a `QueryHost`.

    Args:
        network: trained host, gates and head.
        sentences: encoder of the prompts' tokens.
        side: pixels of the photo's longer side, as the host looks at it; a multiple of 32.
    """

    name = "query-host"

    def __init__(self, network: QueryHost, sentences: SentenceEncoder, side: int = SIDE) -> None:
        self._network = network.eval().requires_grad_(False)
        self._sentences, self._side = sentences, side

    @classmethod
    def load(cls, folder: Path, gates: Path, side: int = SIDE) -> HostProposer:
        """The proposer of a host and of what was learned beside it.

        Args:
            folder: Mask2Former or MaskFormer as the hub has it.
            gates: safetensors of its gates and head, made by `segsearch train
                recipes/query-host.toml`.
            side: see the class.

        Raises:
            WeightsMissing: the folder is not there.
            WeightsMismatch: folder or file holds something else, or they do not belong together.
        """
        sentences = SentenceEncoder()
        network = QueryHost(load_host(folder), sentences.dimension)
        load_gates(network, gates)
        return cls(network, sentences, side)

    @property
    def fingerprint(self) -> str:
        """Hex digest of all weights, and of how photos are looked at."""
        digest = hashlib.sha256(f"query host {self._side}".encode())
        add_weights(digest, self._network)
        return digest.hexdigest()

    @torch.inference_mode()
    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks of the queries that show the prompt most surely; of an empty one, of the queries
        that show anything, as the host's own head sees it."""
        pixels = host_pixels(image, self._side)
        answers = self._network(pixels[None], prompt_tokens(self._sentences, [prompt]))
        sure = answers.shows[-1][0].softmax(dim=1)[:, SHOWN]
        logits = functional.interpolate(
            answers.masks[-1], known.size, mode="bilinear", align_corners=False
        )[0]
        inside = logits > 0
        # as Mask2Former scores its instances: how sure the pixels of the mask are
        fit = (logits.sigmoid() * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1)
        counts = rle.encode(inside.numpy())
        return novel_segments(counts, (sure * fit).numpy(), fit.numpy(), known, most)


def host_pixels(image: Image, side: int) -> torch.Tensor:
    """3×h×w float32: a photo as hosts look at it, normalised by ImageNet's mean and deviation.

    Args:
        image: the photo.
        side: pixels of the longer side; both become multiples of 32.
    """
    height, width = input_size(image.size, side)
    seen = PillowImage.fromarray(image.pixels).resize(
        (width, height), PillowImage.Resampling.BILINEAR
    )
    scaled = (np.asarray(seen, np.float32) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    return torch.from_numpy(scaled.transpose(2, 0, 1).copy())


def load_host(folder: Path) -> Any:
    """Mask2Former or MaskFormer in a folder as the hub has it.

    Raises:
        WeightsMissing: there is no such folder.
        WeightsMismatch: another model is in it.
    """
    require_folder(folder)
    kinds: Mapping[str, Any] = {
        "mask2former": Mask2FormerForUniversalSegmentation,
        "maskformer": MaskFormerForInstanceSegmentation,
    }
    try:
        kind = kinds[read_config(folder)["model_type"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsMismatch(
            f"{shown(folder)} holds no Mask2Former and no MaskFormer", "name the folder of one"
        ) from error
    return load_folder(kind, folder, f"a {kind.__name__}", "download it again")


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
        path,
        "the gates of a host for prompts",
        "name the file that was trained with this host (segsearch train recipes/query-host.toml)",
    ) as (_, tensors):
        absent = network.load_state_dict(tensors, strict=False)
        own = [name for name in absent.missing_keys if name.startswith(("gates.", "shows."))]
        if own or absent.unexpected_keys:
            raise KeyError(*own, *absent.unexpected_keys)
