"""RecentImages: the photos that were decoded last, for who looks at them with other words."""

from __future__ import annotations

from collections import OrderedDict

from indexer.catalog.records import PhotoRow
from model.photos.images import Image
from searchengine.photos.photo_pixels import image_of, require_unchanged

MOST = 16
"""Images that are kept, as many as a proposer remembers: 2 MB each at 1,024 × 768 pixels."""


class RecentImages:
    """Upright photos as indexing saw them; the last ones are kept.

    What a model remembers of an image, it remembers of the same object: so a photo that has not
    changed is the same one again.

    Args:
        side: pixels of the longer side at the most.
    """

    def __init__(self, side: int) -> None:
        self._side = side
        self._images: OrderedDict[bytes, Image] = OrderedDict()

    def of(self, photo: PhotoRow) -> Image:
        """The photo, decoded unless it is known.

        Raises:
            PhotoChanged: its files are gone, or others have taken their place.
            PhotoError: the photo cannot be read any more.
        """
        image = self._images.pop(photo.content_hash, None)
        if image is None:
            image = image_of(photo, max_side=self._side)
        else:
            require_unchanged(photo)
        self._images[photo.content_hash] = image
        while len(self._images) > MOST:
            self._images.popitem(last=False)
        return image
