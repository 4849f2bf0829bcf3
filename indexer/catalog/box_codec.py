"""A box in as few bytes as hold it exactly."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]

_WHOLE = struct.Struct("<4H")
_FLOATS = struct.Struct("<4f")


def pack(box: NDArray[np.float32]) -> bytes:
    """4 float32 (XYXY, pixels): 8 bytes when all are whole and below 65536, otherwise 16."""
    values = box.tolist()
    if all(0 <= v < 65536 and v == int(v) for v in values):
        return _WHOLE.pack(*map(int, values))
    return _FLOATS.pack(*values)


def unpack(packed: bytes) -> Box:
    """The four numbers that `pack` was given.

    Raises:
        struct.error: these bytes are no box.
    """
    layout = _WHOLE if len(packed) == _WHOLE.size else _FLOATS
    x0, y0, x1, y1 = layout.unpack(packed)
    return float(x0), float(y0), float(x1), float(y1)


def fits(packed: object, frame: tuple[int, int]) -> bool:
    """Whether these are a box's bytes, and the box lies in a frame (height, width), pixels."""
    if type(packed) is not bytes or len(packed) not in (_WHOLE.size, _FLOATS.size):
        return False
    x0, y0, x1, y1 = unpack(packed)
    return 0 <= x0 <= x1 <= frame[1] and 0 <= y0 <= y1 <= frame[0]
