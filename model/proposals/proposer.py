"""Interface of what proposes masks for words."""

from __future__ import annotations

from abc import ABC, abstractmethod

from model.masks.segments import Segments
from model.photos.images import Image

MOST = 10


class Proposer(ABC):
    """Finds masks of a photo under the words' guidance, beside those that are known of it.

    Masks depend on the words, so they are made at query time, on the photos that answer best: no
    index can hold them (PMP, Li et al., arXiv 2412.10292).

    Attributes:
        name: name for people of what makes the masks.
    """

    name: str

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hex digest of all that decides which masks are proposed."""

    @abstractmethod
    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks that may show what the prompt says, best first, in the frame of `known`.

        Their quality is the proposer's own estimate of the IoU with an outline that a person would
        draw. Which of them show what was asked, and how surely, the embedder says: proposals are
        embedded like the segments of an index. Where nothing is proposed: `Segments.empty`.

        Args:
            image: the photo.
            prompt: words, as they are searched; empty for masks of anything.
            known: segments that are known of the photo; a mask that one of them nearly equals is
                not proposed.
            most: masks at most.
        """
