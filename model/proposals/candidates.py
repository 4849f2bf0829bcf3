"""Masks that indexing saw and dropped: of all that a segmenter draws, those that suit the words.

An index keeps the masks that are good whatever is asked, a hundred a photo. Of the thousands that
were drawn besides, the words say which are worth a second look.
"""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from dataclasses import dataclass

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
PHOTOS = 16
"""Photos whose masks are remembered."""
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

    name = "candidates"

    def __init__(self, segmenter: Segmenter, embedder: Embedder, depth: int = DEPTH) -> None:
        self._segmenter, self._embedder, self._depth = segmenter, embedder, depth
        self._remembered: OrderedDict[int, _Drawn] = OrderedDict()

    @property
    def fingerprint(self) -> str:
        """Hex digest of the embedder's space and of how deep is looked; an index has one segmenter
        only."""
        told = f"candidates {self._depth} {QUALITY} {NOVELTY} {self._embedder.space.fingerprint}"
        return hashlib.sha256(told.encode()).hexdigest()

    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks by cosine with the prompt and, a little, by quality and by how unlike they are to
        what is known; of an empty prompt by these alone."""
        drawn = self._drawn(image, known)
        found = drawn.segments
        if not len(found):
            return Segments.empty(known.size)
        rank = QUALITY * found.quality
        if prompt.strip():
            text = self._embedder.embed_texts([prompt]).vectors[0]
            among = with_whole(known)
            rank = rank + self._embedder.embed_among(image, found, among).vectors @ text
        likeness = self._likeness(drawn, known)
        rank = rank - NOVELTY * likeness
        return novel_segments(found.counts, rank, found.quality, known, most, likeness)

    def _drawn(self, image: Image, known: Segments) -> _Drawn:
        """All that is drawn in a photo; of the last photos it is remembered, for other words."""
        drawn = self._remembered.pop(id(image), None)
        if drawn is None or drawn.image() is not image or drawn.segments.size != known.size:
            found = in_frame(self._segmenter.candidates(image, self._depth), known.size)
            drawn = _Drawn(weakref.ref(image), _mended(found))
        if drawn.known != known.counts:
            drawn.known, drawn.likeness = known.counts, None
        self._remembered[id(image)] = drawn
        while len(self._remembered) > PHOTOS:
            self._remembered.popitem(last=False)
        return drawn

    def _likeness(self, drawn: _Drawn, known: Segments) -> NDArray[np.float32]:
        """N largest IoUs with what is known."""
        if not len(known):
            return np.zeros(len(drawn.segments), np.float32)
        if drawn.likeness is None:
            iou = rle.iou(drawn.segments.counts, known.counts, known.size)
            drawn.likeness = iou.max(axis=1).astype(np.float32)
        return drawn.likeness


@dataclass(eq=False)
class _Drawn:
    """All that is drawn in one photo.

    Attributes:
        image: the photo, as long as somebody has it.
        segments: N segments.
        known: masks that were known when the likeness was found out.
        likeness: N largest IoUs with what is known, once they are asked for.
    """

    image: weakref.ref[Image]
    segments: Segments
    known: tuple[bytes, ...] = ()
    likeness: NDArray[np.float32] | None = None


def _mended(segments: Segments) -> Segments:
    """Segments without their specks."""
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
