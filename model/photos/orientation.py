"""Two frames of one photo: the file's own, and the upright one that everything else uses.

EXIF's orientation 1..8 says how the rows and columns of the file have to be laid out to stand
upright. Every one is a transposition or none, followed by flips of rows or columns, so both ways
are exact and only views are made.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

# orientation: (transposed, then rows flipped, then columns flipped) on the way to upright
_STEPS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def to_upright(array: NDArray[Scalar], orientation: int) -> NDArray[Scalar]:
    """An array in the file's own frame, turned upright.

    Args:
        array: H×W or H×W×C, any dtype: the first two axes are rows and columns of the file.
        orientation: EXIF orientation, 1..8.

    Returns:
        A view with rows and columns of the upright photo.

    Raises:
        ValueError: the orientation is not 1..8, or the array has fewer than two axes.
    """
    transposed, rows, columns = _steps(array, orientation)
    return _flipped(array.swapaxes(0, 1) if transposed else array, rows, columns)


def to_raw_frame(array: NDArray[Scalar], orientation: int) -> NDArray[Scalar]:
    """An upright array laid out as the file's own pixels are: the inverse of `to_upright`.

    Args:
        array: H×W or H×W×C, any dtype: the first two axes are rows and columns upright.
        orientation: EXIF orientation, 1..8.

    Returns:
        A view with rows and columns of the file's own frame.

    Raises:
        ValueError: the orientation is not 1..8, or the array has fewer than two axes.
    """
    transposed, rows, columns = _steps(array, orientation)
    flipped = _flipped(array, rows, columns)
    return flipped.swapaxes(0, 1) if transposed else flipped


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(height, width) in the other frame: upright from the file's own, or back."""
    return (size[1], size[0]) if orientation >= 5 else size


def _steps(array: NDArray[Any], orientation: int) -> tuple[bool, bool, bool]:
    if orientation not in _STEPS:
        raise ValueError(f"orientation is {orientation}, expected 1..8")
    if array.ndim < 2:
        raise ValueError(f"array has shape {array.shape}, expected H×W or H×W×C")
    return _STEPS[orientation]


def _flipped(array: NDArray[Scalar], rows: bool, columns: bool) -> NDArray[Scalar]:
    return array[:: -1 if rows else 1, :: -1 if columns else 1]
