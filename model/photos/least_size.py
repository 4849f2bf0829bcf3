"""Least size: a picture of a few pixels shows nothing, and would answer whatever is asked."""

from __future__ import annotations

from model.errors import PhotoUnsupported, shown

LEAST_SIDE = 8  # pixels of the shorter side


def require_sights(size: tuple[int, int], name: object) -> None:
    """Raise unless a picture is large enough to show anything.

    Args:
        size: (height, width), pixels.
        name: path of the file.

    Raises:
        PhotoUnsupported: the picture is smaller.
    """
    if min(size) < LEAST_SIDE:
        raise PhotoUnsupported(
            f"{shown(name)} is {size[1]}×{size[0]} pixels, too few to show anything"
        )
