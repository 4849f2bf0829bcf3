"""Numbers for a segment's place in the photo, its shape, and how well it is thought to fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.masks.segments import Segments

PLACES = 20


def places(segments: Segments) -> NDArray[np.float32]:
    """N×20 float32, the same in a frame of any size.

    Box (four shares of the photo's sides), square root of the area, share of the box that is
    covered, logarithm of the box's aspect, centre, sides, sines of the box's edges at one and two
    half-waves a side, and the segmenter's own estimate of how well the mask fits: 1 where people
    drew it, 0 where it is the whole photo and nobody vouches for it.
    """
    height, width = segments.size
    frame = np.array([width, height, width, height], np.float32)
    box = np.asarray(segments.boxes, np.float32) / frame
    sides = np.maximum(box[:, 2:] - box[:, :2], 1 / frame[:2])
    area = segments.areas / (height * width)
    shape = np.stack(
        [
            np.sqrt(area),
            np.minimum(area / (sides[:, 0] * sides[:, 1]), 1),
            np.log(sides[:, 0] * width / (sides[:, 1] * height)),
        ],
        axis=1,
    )
    centre = (box[:, :2] + box[:, 2:]) / 2
    waves = (np.sin(np.pi * box), np.sin(2 * np.pi * box))
    fit = np.asarray(segments.quality, np.float32)[:, None]
    return np.concatenate([box, shape, centre, sides, *waves, fit], axis=1).astype(np.float32)
