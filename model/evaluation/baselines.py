"""Methods that a preset is compared with: simple masks, and simple vectors of a segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from model.datasets.imagenet_names import class_names
from model.embedder import Embedder
from model.encoders.efficientnet import EfficientNetTrunk
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter

LEAST_CROP = 8  # pixels; a smaller box is widened around its middle


class PlainFelzenszwalb(Segmenter):
    """The regions of felzenszwalb's graph at several scales, the largest first.

    Args:
        side: the working frame's longer side, pixels.
        scales: observation levels; the best of five choices on 45 training photos.
        sigma: blur before segmentation, pixels.
        smallest: least area of a region, as a share of the photo.
    """

    def __init__(
        self,
        side: int = 320,
        scales: Sequence[float] = (200.0, 400.0, 800.0, 1600.0),
        sigma: float = 0.6,
        smallest: float = 0.002,
    ) -> None:
        self._side = side
        self._scales = tuple(scales)
        self._sigma = sigma
        self._smallest = smallest

    def segment(self, image: Image) -> Segments:
        """All regions of all scales, each outline once."""
        pixels = image.reduced(self._side).pixels
        least = max(int(self._smallest * pixels.shape[0] * pixels.shape[1]), 4)
        masks: dict[bytes, NDArray[np.bool_]] = {}
        for scale in self._scales:
            labels = felzenszwalb(pixels, scale=scale, sigma=self._sigma, min_size=least)
            for label in range(int(labels.max()) + 1):
                mask = labels == label
                masks.setdefault(np.packbits(mask).tobytes(), mask)
        ordered = sorted(masks.values(), key=lambda mask: -int(mask.sum()))
        return Segments.from_masks(np.stack(ordered))


class ImageNetNames:
    """A photo as what a classifier of ImageNet's 1,000 classes says of it.

    Args:
        encode: T texts to T×D unit vectors.
    """

    def __init__(self, encode: Callable[[Sequence[str]], NDArray[np.float32]]) -> None:
        self._trunk = EfficientNetTrunk.shared()
        self._names = encode([names[0] for names in class_names()])

    def vector(self, image: Image) -> NDArray[np.float32]:
        """D, of length 1: the mean of the classes' first names, weighted by probability."""
        pooled = self._trunk.features(image).maps[-1].mean(dim=(1, 2))[None]
        weights = self._trunk.class_scores(pooled).softmax(dim=1).numpy()
        mixed = (weights @ self._names)[0]
        return np.asarray(mixed / max(np.linalg.norm(mixed), 1e-9), np.float32)


def crop_vectors(embedder: Embedder, image: Image, segments: Segments) -> NDArray[np.float32]:
    """N×D unit vectors: each segment's bounding box cut out and embedded as a photo of its own.

    Args:
        embedder: embedder whose vectors are compared.
        image: the photo.
        segments: masks in the image's own frame.
    """
    vectors = [embedder.embed_image(cropped(image, box)).vectors for box in segments.boxes.tolist()]
    return np.concatenate([np.zeros((0, embedder.space.dimension), np.float32), *vectors])


def cropped(image: Image, box: Sequence[float]) -> Image:
    """The pixels in a box (XYXY, exclusive end), at least `LEAST_CROP` wide and high."""
    height, width = image.size
    x0, x1 = _widened(box[0], box[2], width)
    y0, y1 = _widened(box[1], box[3], height)
    pixels = np.ascontiguousarray(image.pixels[y0:y1, x0:x1])
    return Image(pixels, (pixels.shape[0], pixels.shape[1]))


def _widened(start: float, end: float, limit: int) -> tuple[int, int]:
    lack = max(LEAST_CROP - (end - start), 0) / 2
    first = int(np.clip(np.floor(start - lack), 0, max(limit - LEAST_CROP, 0)))
    last = int(np.clip(np.ceil(end + lack), min(first + LEAST_CROP, limit), limit))
    return first, last
