"""Interface of every segmenter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from model.masks.segments import Segments
from model.photos.images import Image


class Segmenter(ABC):
    """Finds the segments of a photo, without being told what to look for."""

    @abstractmethod
    def segment(self, image: Image) -> Segments:
        """All segments of an image, best first, in a working frame of the segmenter's choice.

        The working frame has the image's aspect ratio (to the rounding of a pixel). An image in
        which nothing is found gives `Segments.empty`.
        """

    def segment_all(self, images: Sequence[Image]) -> list[Segments]:
        """Segments of each photo: in one go, where that is quicker."""
        return [self.segment(image) for image in images]

    def candidates(self, image: Image, most: int) -> Segments:
        """Masks that `segment` chooses from, also those that it leaves out, best first.

        They are in the frame of `segment`, have no parents and may have specks. Of a segmenter that
        tells no others: what that finds.

        Args:
            image: the photo.
            most: masks at most.
        """
        return self.segment(image)[:most]

    def prompted(
        self,
        image: Image,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Segments:
        """Thing pointed at, as one segment, which need not be one that `segment` finds.

        Of a segmenter that cannot be asked, and where nothing is seen: `Segments.empty`.

        Args:
            image: the photo.
            at: x, y of a point in it, pixels of the upright photo at full size.
            box: x, y, width, height of a box around it, likewise.
        """
        return Segments.empty(image.size)

    def prompted_boxes(
        self, image: Image, boxes: Sequence[tuple[float, float, float, float]]
    ) -> list[Segments]:
        """Things in boxes of one photo, each as one segment or none, all in one frame.

        Of all that a segmenter draws in a box it is what is thought best; `prompted` may give the
        mask that is drawn for prompts that can mean one thing only.

        Args:
            image: the photo, which is looked at once where that is possible.
            boxes: x, y, width, height of each box, pixels of the upright photo at full size.
        """
        return [self.prompted(image, box=box) for box in boxes]
