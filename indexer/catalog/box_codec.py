"""A box in as few bytes as hold it exactly."""

from __future__ import annotations

import struct
from collections.abc import Sequence

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


def pack_all(boxes: NDArray[np.float32]) -> list[bytes]:
    """Each of N×4 float32, as `pack` has it."""
    whole = ((boxes >= 0) & (boxes < 65536) & (boxes == np.floor(boxes))).all(axis=1)
    short = boxes[whole].astype("<u2").view("V8").ravel().tolist()
    long = boxes[~whole].astype("<f4").view("V16").ravel().tolist()
    if not long:
        return list(short)
    each = (iter(long), iter(short))
    return [next(each[is_whole]) for is_whole in whole.tolist()]


def unpack_all(packed: Sequence[bytes]) -> NDArray[np.float32]:
    """N×4 float32: the boxes that `pack` was given.

    Raises:
        ValueError: these bytes are no boxes.
    """
    lengths = np.fromiter(map(len, packed), np.int64, len(packed))
    result = np.empty((len(packed), 4), np.float32)
    for size, kind in ((_WHOLE.size, "<u2"), (_FLOATS.size, "<f4")):
        found = lengths == size
        some = packed if found.all() else [packed[i] for i in np.flatnonzero(found).tolist()]
        result[found] = np.frombuffer(b"".join(some), kind).reshape(-1, 4)
        lengths[found] = 0
    if lengths.any():
        raise ValueError("these bytes are no boxes")
    return result


def all_fit(packed: Sequence[bytes], frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of N are a box's bytes, and the box lies in its frame; as `fits`.

    Args:
        packed: N values, whatever bytes they are.
        frames: N×2, height and width of each frame, pixels.
    """
    lengths = np.fromiter(map(len, packed), np.int64, len(packed))
    good = (lengths == _WHOLE.size) | (lengths == _FLOATS.size)
    some = packed if good.all() else [packed[i] for i in np.flatnonzero(good).tolist()]
    boxes = unpack_all(some)
    low, high = boxes[:, :2], boxes[:, 2:]
    good[good] = ((low >= 0) & (low <= high) & (high <= frames[good][:, ::-1])).all(axis=1)
    return np.asarray(good)
