"""A segmenter without weights: connected regions of one basic colour.

For tests, and for whoever builds on segsearch and wants photos to have segments at once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from model.masks.segments import Segments
from model.photos.colour_terms import colour_terms
from model.photos.images import Image
from model.segmenter import Segmenter


class ColourRegionSegmenter(Segmenter):
    """Connected regions of one basic colour term, the largest first.

    Args:
        side: longer side of the working frame, pixels.
        min_area: smallest region, as a share of the photo.
        most: regions a photo at the most.
    """

    def __init__(self, side: int = 128, min_area: float = 0.002, most: int = 40) -> None:
        self.side = side
        self.min_area = min_area
        self.most = most

    def segment(self, image: Image) -> Segments:
        """The regions; their quality is the share of their own bounding box that they fill."""
        pixels = image.reduced(self.side).pixels
        terms = colour_terms(pixels)
        regions = []
        for term in np.unique(terms):
            labels, count = ndimage.label(terms == term)
            if count:
                areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
                large = np.flatnonzero(areas >= self.min_area * terms.size)
                regions += [(int(areas[i]), labels == i + 1) for i in large]
        regions.sort(key=lambda region: -region[0])
        if not regions:
            return Segments.empty(terms.shape)
        masks = np.stack([mask for _, mask in regions[: self.most]])
        segments = Segments.from_masks(masks)
        sides = segments.boxes[:, 2:] - segments.boxes[:, :2]
        filled = segments.areas / sides.prod(axis=1)
        return replace(segments, quality=filled.astype(np.float32))
