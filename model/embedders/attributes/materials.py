"""The material part of an embedding: what a region is made of, what a text says of that.

A linear model of what the trunk's first three levels hold under a mask: they see textures, the
last one sees things. It was fitted to regions of training photos that were judged by eye.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from model.embedders.attributes.words import AttributeWords
from model.weights.tensor_file import network_file

Floats = NDArray[np.float32]

MATERIALS = (
    "wood",
    "brick",
    "stone",
    "metal",
    "glass",
    "ceramic",
    "leather",
    "denim",
    "fur",
    "fabric",
)
COMPONENTS = (*MATERIALS, "other")
LEVELS = (48, 120, 352)  # channels of the trunk's levels that are looked at

_ADJECTIVES = {
    "wood": "wooden",
    "metal": "metallic",
    "fur": "furry|fluffy",
    "fabric": "knitted|woollen|woolen|woven",
}
_NOUNS = {
    "wood": r"wood(?! (?:apples?|ducks?|frogs?|pigeons?|pussy|rabbits?))|oak(?! trees?)",
    "brick": "bricks?",
    "stone": "stones?|concrete|granite|marble|cobblestones?",
    "metal": "metal|(?:stainless )?steel|(?:wrought |cast )?iron|alumini?um|brass|copper|chrome",
    "glass": "glass",
    "ceramic": "ceramics?|porcelain|earthenware|stoneware",
    "leather": "leather",
    "denim": "denim",
    "fur": "fur",
    "fabric": "fabric|cloth|cotton|wool|linen|silk|velvet|canvas|knit",
}
# before another noun: nobody asks for the material of a glass of wine, of wood, or to iron a shirt
_BEFORE = (
    r"(?= (?!(?:of|is|are|was|and|or|on|in|at|with|without|by|to|for|from|near|under|over|behind"
    r"|beside|next|full|the|an?|his|her|its|my|our|their|your|that|which|who)\b)\w)"
)
_MADE = r"(?:made|built) (?:out )?(?:of|from) "
_GROUPS = "|".join(
    rf"(?P<{name}>{_MADE}(?:{nouns})|(?:{nouns}){_BEFORE}"
    + (rf"|{_ADJECTIVES[name]})" if name in _ADJECTIVES else ")")
    for name, nouns in _NOUNS.items()
)
MATERIAL_WORDS = AttributeWords(
    rf"\b(?:{_GROUPS})\b",
    dict(zip(MATERIALS, np.eye(len(COMPONENTS)).tolist(), strict=False)),
    longest=8,
)


class MaterialModel:
    """Pooled features to logits of materials.

    Args:
        weights: 11×520, of the levels' channels, each level standardised by itself.
        biases: 11.
    """

    def __init__(self, weights: Tensor, biases: Tensor) -> None:
        if weights.shape != (len(COMPONENTS), sum(LEVELS)) or biases.shape != weights.shape[:1]:
            raise ValueError(f"weights of shape {tuple(weights.shape)} are of no material model")
        self._weights, self._biases = weights, biases

    def logits(self, pooled: Tensor) -> Tensor:
        """N×11 of N pooled features, whose first columns are those of `LEVELS`.

        Those of several looks at a photo may be averaged.
        """
        return self.of_textures(textures(pooled))

    def of_textures(self, seen: Tensor) -> Tensor:
        """N×11 of N×520 `textures`."""
        return seen @ self._weights.T + self._biases

    def save(self, path: Path) -> None:
        """Write it to a safetensors file, weights as float16."""
        tensors = {"weights": self._weights.half(), "biases": self._biases}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)

    @classmethod
    def load(cls, path: Path | None = None) -> MaterialModel:
        """The model in a safetensors file; by default the one for the bundled trunk.

        Raises:
            WeightsMismatch: the file holds none.
        """
        path = path or Path(str(files("model") / "presets" / "nano" / "materials.safetensors"))
        with network_file(path, "a model of materials", "give another file") as (_, tensors):
            return cls(tensors["weights"].float(), tensors["biases"].float())


def textures(pooled: Tensor) -> Tensor:
    """N×520 of N pooled features, whose first columns are those of `LEVELS`: each level
    standardised by itself."""
    levels = torch.split(pooled[:, : sum(LEVELS)], list(LEVELS), dim=1)
    return torch.cat([functional.layer_norm(level, level.shape[1:]) for level in levels], dim=1)


def region_materials(logits: Floats) -> Floats:
    """N×11 unit rows, components as in `COMPONENTS`: square roots of their probabilities."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(np.sqrt(shares / shares.sum(axis=1, keepdims=True)), np.float32)
