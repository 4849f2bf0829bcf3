"""An embedder without weights: segments by their colours, texts by their colour words.

For tests, and for whoever builds on segsearch: deterministic, instant, and right often enough to
be searched ("red", "a blue door" find red and blue regions).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.embedder import Embedder
from model.embeddings import Embeddings, EmbeddingSpace
from model.masks import rle
from model.masks.segments import Segments
from model.photos.colour_terms import NAMES, colour_terms
from model.photos.images import Image

if TYPE_CHECKING:
    from model.calibration import Calibration

DIMENSION = 32  # the colour terms, then buckets for all other words
_OTHERS = DIMENSION - len(NAMES)


class ColourWordEmbedder(Embedder):
    """Vectors of shares: which colours a region has, which colour words a text has.

    Args:
        space: embedding space of `DIMENSION` dimensions.
        side: longer side at which pixels are named, pixels.
    """

    def __init__(self, space: EmbeddingSpace, side: int = 128) -> None:
        if space.dimension != DIMENSION:
            raise ValueError(f"space has dimension {space.dimension}, expected {DIMENSION}")
        self._space = space
        self.side = side

    @property
    def space(self) -> EmbeddingSpace:
        """The space given at the start."""
        return self._space

    def embed_segments(self, image: Image, segments: Segments) -> Embeddings:
        """The square roots of the colour shares under each mask, which have length 1."""
        terms = colour_terms(image.reduced(self.side).pixels)
        colours = (terms[..., None] == np.arange(len(NAMES))).astype(np.float32)
        cover = rle.pool(segments.masks().astype(np.float32), terms.shape)
        shares = np.einsum("nhw,hwc->nc", cover, colours)
        vectors = np.zeros((len(segments), DIMENSION), np.float32)
        vectors[:, : len(NAMES)] = np.sqrt(shares)
        return Embeddings.unit(vectors, self._space)

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """One component for every colour word, one of the others for every other word."""
        return Embeddings.unit(_text_vectors(texts), self._space)


def colour_calibration() -> Calibration:
    """The calibration that belongs to these vectors."""
    from model.calibration import Calibration

    random = np.random.default_rng(0)
    shares = random.dirichlet(np.full(len(NAMES), 0.15), size=512).astype(np.float32)
    segments = np.zeros((512, DIMENSION), np.float32)
    segments[:, : len(NAMES)] = np.sqrt(shares)
    segments /= np.linalg.norm(segments, axis=1, keepdims=True)
    return Calibration.from_background(segments, NAMES, _text_vectors(NAMES))


def _text_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = np.zeros((len(texts), DIMENSION), np.float32)
    for row, text in zip(vectors, texts, strict=True):
        for word in re.findall(r"\w+", text.lower().replace("gray", "grey")) or [text]:
            if word in NAMES:
                row[NAMES.index(word)] += 1
            else:
                row[len(NAMES) + zlib.crc32(word.encode("utf-8", "replace")) % _OTHERS] += 0.3
        row /= np.linalg.norm(row)
    return vectors
