"""Masks that indexing saw and dropped: of all that a segmenter draws, those that suit the words.

An index keeps the masks that are good whatever is asked, a hundred a photo. Of the thousands that
were drawn besides, the words say which are worth a second look.
"""

from __future__ import annotations

import hashlib

import numpy as np

from model.embedder import Embedder
from model.masks.resizing import resize_mask
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.novelty import novel_segments
from model.proposals.proposer import MOST, Proposer
from model.segmenter import Segmenter

DEPTH = 400  # masks that are scored
QUALITY = 0.1  # weight of a mask's quality beside its cosine with the words


class CandidateProposer(Proposer):
    """The best by words of what the index's own segmenter draws.

    Args:
        segmenter: segmenter that made the index.
        embedder: embedder that made the index.
        depth: number of masks that are scored.
    """

    def __init__(self, segmenter: Segmenter, embedder: Embedder, depth: int = DEPTH) -> None:
        self._segmenter, self._embedder, self._depth = segmenter, embedder, depth

    @property
    def fingerprint(self) -> str:
        """Hex digest of the embedder's space and of how deep is looked; an index has one segmenter
        only."""
        told = f"candidates {self._depth} {QUALITY} {self._embedder.space.fingerprint}"
        return hashlib.sha256(told.encode()).hexdigest()

    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks by cosine with the prompt and, a little, by quality; of an empty one by quality."""
        found = in_frame(self._segmenter.candidates(image, self._depth), known.size)
        if not len(found):
            return Segments.empty(known.size)
        rank = QUALITY * found.quality
        if prompt.strip():
            text = self._embedder.embed_texts([prompt]).vectors[0]
            among = known.with_whole()
            rank = rank + self._embedder.embed_among(image, found, among).vectors @ text
        return novel_segments(found.masks(), rank, found.quality, known, most)


def in_frame(segments: Segments, size: tuple[int, int]) -> Segments:
    """Segments in another frame of the same photo, without parents; what vanishes is left out."""
    if segments.size == size:
        return segments
    counts = [resize_mask(counts, segments.size, size) for counts in segments.counts]
    found = Segments.unrelated(size, counts, segments.quality)
    return found[np.flatnonzero(found.areas > 0)]
