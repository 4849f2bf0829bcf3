"""What every segmenter does."""

from __future__ import annotations

from abc import ABC, abstractmethod

from model.images import Image
from model.segments import Segments


class Segmenter(ABC):
    """Finds the segments of a photo, without being told what to look for."""

    @abstractmethod
    def segment(self, image: Image) -> Segments:
        """All segments of an image, best first, in a working frame of the segmenter's choice.

        The working frame has the image's aspect ratio (to the rounding of a pixel). An image in
        which nothing is found gives `Segments.empty`.
        """
