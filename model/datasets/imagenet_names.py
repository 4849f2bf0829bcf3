"""The names of the classes that the trunk's classifier knows, in the sentence space."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from timm.data import ImageNetInfo

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def class_names() -> list[list[str]]:
    """Names of each of ImageNet's 1,000 classes, in the classifier's order."""
    known = ImageNetInfo("imagenet-1k")
    return [known.index_to_description(number).split(", ") for number in range(known.num_classes())]


def class_vectors(encode: Encode, without: re.Pattern[str] | None = None) -> NDArray[np.float32]:
    """1000×D float32: of each class the mean direction of its names.

    Args:
        encode: T texts to T×D unit vectors.
        without: names that this finds are left out; a class without any other gets zeros.
    """
    names = [[n for n in of if not (without and without.search(n))] for of in class_names()]
    encoded = encode([name for of_class in names for name in of_class])
    vectors = np.zeros((len(names), encoded.shape[1]), np.float32)
    owner = np.repeat(np.arange(len(names)), [len(of_class) for of_class in names])
    np.add.at(vectors, owner, encoded)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)


def naming(phrases: Sequence[str]) -> re.Pattern[str] | None:
    """Pattern that finds texts that name any of the phrases, as whole words, in the plural too."""
    if not phrases:
        return None
    listed = "|".join(re.escape(p) for p in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"\b(?:{listed})(?:s|es)?\b", re.IGNORECASE)
