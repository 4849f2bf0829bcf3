"""Vectors of the segments embedded last: other words ask for the same masks again."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.embedder import Embedder
from model.embeddings import Embeddings, EmbeddingSpace
from model.masks.segments import Segments
from model.photos.images import Image

PHOTOS = 16
"""Photos of which vectors are remembered."""
MOST = 1024
"""Vectors of a photo that are remembered, 2 kB each with 512 components."""


class RememberedSegments(Embedder):
    """An embedder that remembers what it embedded among a photo's indexed segments.

    Args:
        embedder: embedder that does the work.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._photos: OrderedDict[int, _Photo] = OrderedDict()

    @property
    def space(self) -> EmbeddingSpace:
        """The embedder's own."""
        return self._embedder.space

    @property
    def depends_on_others(self) -> bool:
        """Whether a segment's vector depends on the segments that it is embedded with, too."""
        return self._embedder.depends_on_others

    def embed_segments(self, image: Image, segments: Segments) -> Embeddings:
        """One unit vector a segment, in their order; none is remembered."""
        return self._embedder.embed_segments(image, segments)

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """One unit vector a text, in their order."""
        return self._embedder.embed_texts(texts)

    def embed_among(self, image: Image, segments: Segments, among: Segments) -> Embeddings:
        """Vectors as the embedder makes them; of the last photos each mask's is made once."""
        known = self._of(image, segments.size, among).vectors
        new = [i for i, counts in enumerate(segments.counts) if counts not in known]
        if new:
            if len(known) + len(new) > MOST:
                known.clear()
                new = list(range(len(segments)))
            made = self._embedder.embed_among(image, segments[new], among).vectors
            known.update(zip((segments.counts[i] for i in new), made, strict=True))
        rows = [known[counts] for counts in segments.counts]
        vectors = np.stack(rows) if rows else np.zeros((0, self.space.dimension), np.float32)
        return Embeddings(vectors, self.space)

    def _of(self, image: Image, size: tuple[int, int], among: Segments) -> _Photo:
        photo = self._photos.pop(id(image), None)
        others = among.counts if self.depends_on_others else ()
        if (
            photo is None
            or photo.image() is not image
            or (photo.size, photo.among) != (size, others)
        ):
            photo = _Photo(weakref.ref(image), size, others)
        self._photos[id(image)] = photo
        while len(self._photos) > PHOTOS:
            self._photos.popitem(last=False)
        return photo


@dataclass(eq=False)
class _Photo:
    """Vectors of one photo's segments.

    Attributes:
        image: the photo, as long as somebody has it.
        size: (height, width) of the masks' frame.
        among: run lengths of the indexed segments, where vectors depend on them.
        vectors: D float32 by run lengths.
    """

    image: weakref.ref[Image]
    size: tuple[int, int]
    among: tuple[bytes, ...]
    vectors: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)
