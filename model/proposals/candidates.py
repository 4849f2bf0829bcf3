"""Masks that indexing saw and dropped: of all that a segmenter draws, those that suit the words.

An index keeps the masks that are good whatever is asked, a hundred a photo. Of the thousands that
were drawn besides, the words say which are worth a second look.
"""

from __future__ import annotations

import hashlib
import weakref

import numpy as np
from numpy.typing import NDArray

from model.embedder import Embedder
from model.masks import rle
from model.masks.cleaning import without_specks
from model.masks.resizing import resize_mask
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.novelty import novel_segments
from model.proposals.proposer import MOST, Proposer
from model.segmenter import Segmenter

DEPTH = 400  # masks that are scored
SPECKS = 0.1  # islands and holes below this share of their mask are mended
# beside a mask's cosine with the words, weights of its quality and of how like it is to what is
# known: chosen with `DEPTH` on photos that were held out of training
QUALITY, NOVELTY = 0.1, 0.2


class CandidateProposer(Proposer):
    """The best by words of what the index's own segmenter draws.

    Args:
        segmenter: segmenter that made the index.
        embedder: embedder that made the index.
        depth: number of masks that are scored.
    """

    def __init__(self, segmenter: Segmenter, embedder: Embedder, depth: int = DEPTH) -> None:
        self._segmenter, self._embedder, self._depth = segmenter, embedder, depth
        self._last: tuple[weakref.ref[Image], Segments] | None = None
        self._vectors: tuple[Segments, Segments, NDArray[np.float32]] | None = None
        self._likest: tuple[Segments, Segments, NDArray[np.float32]] | None = None

    @property
    def fingerprint(self) -> str:
        """Hex digest of the embedder's space and of how deep is looked; an index has one segmenter
        only."""
        told = f"candidates {self._depth} {QUALITY} {NOVELTY} {self._embedder.space.fingerprint}"
        return hashlib.sha256(told.encode()).hexdigest()

    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks by cosine with the prompt and, a little, by quality and by how unlike they are to
        what is known; of an empty prompt by these alone."""
        found = self._candidates(image, known.size)
        if not len(found):
            return Segments.empty(known.size)
        rank = QUALITY * found.quality
        if prompt.strip():
            text = self._embedder.embed_texts([prompt]).vectors[0]
            rank = rank + self._seen(image, found, known) @ text
        if len(known):
            rank = rank - NOVELTY * self._likeness(found, known)
        return _mended(novel_segments(found.counts, rank, found.quality, known, most))

    def _candidates(self, image: Image, size: tuple[int, int]) -> Segments:
        """All that is drawn in a photo; that of the last one is remembered, for other words."""
        if self._last is None or self._last[0]() is not image or self._last[1].size != size:
            found = in_frame(self._segmenter.candidates(image, self._depth), size)
            self._last, self._vectors = (weakref.ref(image), found), None
        return self._last[1]

    def _seen(self, image: Image, found: Segments, known: Segments) -> NDArray[np.float32]:
        """N×D vectors of all that is drawn, remembered as long as nothing decides them anew."""
        last = self._vectors
        others = self._embedder.depends_on_others
        if last is None or last[0] is not found or (others and last[1] is not known):
            vectors = self._embedder.embed_among(image, found, with_whole(known)).vectors
            self._vectors = last = found, known, vectors
        return last[2]

    def _likeness(self, found: Segments, known: Segments) -> NDArray[np.float32]:
        """N largest IoUs with what is known, remembered for other words."""
        last = self._likest
        if last is None or last[0] is not found or last[1] is not known:
            iou = rle.iou(found.counts, known.counts, known.size)
            self._likest = last = found, known, iou.max(axis=1).astype(np.float32)
        return last[2]


def _mended(segments: Segments) -> Segments:
    """Segments without the specks that all but the chosen masks may keep."""
    if not len(segments):
        return segments
    masks = np.stack([without_specks(mask, SPECKS) for mask in segments.masks()])
    some = masks.any(axis=(1, 2))
    return Segments.unrelated(segments.size, rle.encode(masks[some]), segments.quality[some])


def with_whole(known: Segments) -> Segments:
    """Segments of a photo, the whole photo one of them, as an index has it."""
    whole = (known.areas == known.size[0] * known.size[1]).any()
    return known if whole else known.with_whole()


def in_frame(segments: Segments, size: tuple[int, int]) -> Segments:
    """Segments in another frame of the same photo, without parents; what vanishes is left out."""
    if segments.size == size:
        return segments
    counts = [resize_mask(counts, segments.size, size) for counts in segments.counts]
    found = Segments.unrelated(size, counts, segments.quality)
    return found[np.flatnonzero(found.areas > 0)]
