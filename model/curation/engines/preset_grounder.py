"""Phrases found by a preset's own segments: so curation runs offline, with nano as with any other.

Of a photo's segments those are boxes that the embedder ranks first for a phrase. Beside the cosine
count a little the mask's quality, and how much it overlaps with all that the phrase is alike to:
a piece of a thing is a worse guess than what all such pieces are in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.curation.grounder import Grounder
from model.curation.records import Box, Phrase
from model.embedder import Embedder
from model.language.plurals import is_plural
from model.language.question import understand
from model.masks import rle
from model.masks.grouping import suppress_duplicates
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter

LEAST = 0.25  # cosine
# weights beside the cosine, of the quality and of the overlap with what is alike: chosen on 31
# photos that were held out of training, see docs/curation.md
QUALITY, OVERLAP = 0.1, 0.3
ALIKE = 0.9  # share of the best one's cosine from which other segments are boxes, too


class PresetGrounder(Grounder):
    """The segments that an embedder finds most like a phrase.

    Args:
        segmenter, embedder: models of one preset.
        preset: its name.
        fingerprint: its fingerprint.
        least: least cosine of a box.
        most: boxes of a phrase in the plural, at most.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        embedder: Embedder,
        preset: str,
        fingerprint: str,
        least: float = LEAST,
        most: int = 5,
    ) -> None:
        self._segmenter, self._embedder = segmenter, embedder
        self._least, self._most = least, most
        self._fingerprint = fingerprint
        self.name = preset

    @property
    def fingerprint(self) -> str:
        """Hex digest of the preset and of the settings."""
        told = f"{self._fingerprint} {self._least} {self._most} {QUALITY} {OVERLAP} {ALIKE}"
        return hashlib.sha256(told.encode()).hexdigest()

    def boxes(self, image: Image, phrases: Sequence[Phrase]) -> tuple[Box, ...]:
        """Boxes of the segments that are most like each phrase's head, by cosine; of a head in the
        singular one, since other segments that are as alike are mostly pieces of it."""
        if not phrases:
            return ()
        segments = self._segmenter.segment(image)
        if not len(segments):
            return ()
        vectors = self._embedder.embed_segments(image, segments).vectors
        words = [understand(phrase.head).words for phrase in phrases]
        cosines = self._embedder.embed_texts(words).vectors @ vectors.T
        iou = rle.iou(segments.counts, segments.counts, segments.size)
        rank = ranks(cosines, segments.quality, iou)
        shown = suppress_duplicates(rank, iou, segments.areas)
        found: list[Box] = []
        for number, phrase in enumerate(phrases):
            order = np.argsort(-np.where(shown[number], rank[number], -np.inf), kind="stable")
            least = max(self._least, ALIKE * float(cosines[number, order[0]]))
            places = [at for at in order.tolist() if shown[number, at]]
            most = self._most if is_plural(phrase.head.split()[-1]) else 1
            sure = [at for at in places if cosines[number, at] >= least][:most]
            found += [_box(segments, at, phrase, cosines[number, at], self.name) for at in sure]
        return tuple(found)


def ranks(
    cosines: NDArray[np.float32], quality: NDArray[np.float32], iou: NDArray[np.float64]
) -> NDArray[np.float64]:
    """P×N ranks of segments for phrases, higher is better.

    Args:
        cosines: P×N.
        quality: N, see `Segments.quality`.
        iou: N×N, of the segments with each other.
    """
    above = np.maximum(cosines - cosines.mean(axis=1, keepdims=True), 0).astype(np.float64)
    overlap = (above @ iou) / np.maximum(above.sum(axis=1, keepdims=True), 1e-6)
    return np.asarray(cosines + QUALITY * quality[None, :] + OVERLAP * overlap, np.float64)


def _box(segments: Segments, at: int, phrase: Phrase, cosine: np.float32, name: str) -> Box:
    height, width = segments.size
    x0, y0, x1, y1 = segments.boxes[at].tolist()
    shares = (x0 / width, y0 / height, x1 / width, y1 / height)
    return Box(shares, phrase, min(max(float(cosine), 0.0), 1.0), name, (phrase.head,))
