"""Outlines of masks as polygons.

A polygon runs half-way between the centres of pixels inside and outside, so filling it by the
rule "a pixel belongs where its centre does" gives the mask back. Coordinates are x, y with the
origin at the outer corner of the first pixel: the centre of that pixel is (0.5, 0.5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Polygon = NDArray[np.float64]  # K×2, x and y, the first point not repeated

DRIFT = 0.015  # times area over length of the outline: how far a point may be moved, pixels
STRAIGHT = 1.0  # and never farther than that


def outlines(mask: NDArray[np.bool_], tolerance: float | None = None) -> list[Polygon]:
    """The outlines of every part and every hole of a mask, longest first.

    Args:
        mask: H×W.
        tolerance: distance by which points may be moved to have fewer of them, pixels; by default
            so little that the mask overlaps with itself by 99 % or more.

    Returns:
        Polygons; parts and holes run in opposite senses, so that even-odd and non-zero filling
        agree.
    """
    from skimage.measure import approximate_polygon, find_contours

    field = np.pad(mask, 1).astype(np.float32)
    rings = find_contours(field, 0.5, fully_connected="low", positive_orientation="low")
    if tolerance is None:
        length = sum(len(ring) - 1 for ring in rings)
        tolerance = min(STRAIGHT, DRIFT * float(mask.sum()) / max(length, 1))
    # the ring is cut open at its first point: two halves are straightened, so both ends stay
    straight = [approximate_polygon(_from_corner(ring), max(tolerance, 1e-6)) for ring in rings]
    # back from (row, column) of the padded field's pixel centres to corners of the mask's
    polygons = [ring[:-1, ::-1] - 0.5 for ring in straight if len(ring) > 3]
    return sorted(polygons, key=len, reverse=True)


def parts(mask: NDArray[np.bool_], tolerance: float | None = None) -> list[Polygon]:
    """One polygon for each separate part of a mask, its holes joined to it by bridges.

    Args:
        mask: H×W.
        tolerance: tolerance of `outlines`.
    """
    from skimage.measure import label, regionprops

    found = []
    for region in regionprops(label(mask, connectivity=1)):
        top, left, _, _ = region.bbox
        # the part's own outline is the longest way round, whatever its number of points
        rings = outlines(region.image, tolerance)
        if rings:
            rings.sort(key=lambda ring: -float(np.ptp(ring, axis=0).sum()))
            found.append(bridged(rings) + np.array([left, top]))
    return found


def bridged(polygons: list[Polygon]) -> Polygon:
    """One polygon of all of them, joined by bridges without width, there and back again.

    Every polygon is joined to the first one, at the points that are nearest to each other.
    """
    trunk = polygons[0]
    detours: dict[int, list[Polygon]] = {}
    for polygon in polygons[1:]:
        here, there = _nearest(trunk, polygon)
        around = [polygon[there:], polygon[: there + 1], trunk[here : here + 1]]
        detours.setdefault(here, []).extend(around)
    pieces, done = [], 0
    for here in sorted(detours):
        pieces += [trunk[done : here + 1], *detours[here]]
        done = here + 1
    return np.concatenate([*pieces, trunk[done:]])


def _from_corner(ring: Polygon) -> Polygon:
    """A closed ring that begins at the point farthest from its middle, which is sure to stay."""
    far = int(np.argmax(((ring - ring.mean(axis=0)) ** 2).sum(axis=1)))
    return np.concatenate([ring[far:-1], ring[: far + 1]])


def _nearest(one: Polygon, other: Polygon) -> tuple[int, int]:
    # in blocks: long outlines by the thousand would not fit into memory at once
    best, found = np.inf, (0, 0)
    for start in range(0, len(one), 1024):
        block = one[start : start + 1024]
        apart = ((block[:, None] - other[None]) ** 2).sum(axis=2)
        i, j = np.unravel_index(int(apart.argmin()), apart.shape)
        if apart[i, j] < best:
            best, found = float(apart[i, j]), (start + int(i), int(j))
    return found
