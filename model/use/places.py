"""Where in the photo a segment lies, and how large and how shaped it is, as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.segments import Segments

PLACES = 19


def places(segments: Segments) -> NDArray[np.float32]:
    """N×19 float32, the same in a frame of any size.

    Box (four shares of the photo's sides), square root of the area, share of the box that is
    covered, logarithm of the box's aspect, centre, sides, and sines of the box's edges at one and
    two half-waves a side.
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
    return np.concatenate([box, shape, centre, sides, *waves], axis=1).astype(np.float32)
