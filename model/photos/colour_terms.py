"""The eleven basic colour terms (Berlin & Kay 1969) as regions of CIELAB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NAMES = (
    "black",
    "white",
    "grey",
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
)
# several sRGB samples of each term, from the darkest to the lightest still called so
_SAMPLES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "black": ((0, 0, 0), (30, 30, 32)),
    "white": ((255, 255, 255), (232, 232, 230)),
    "grey": ((80, 80, 82), (128, 128, 128), (180, 180, 180)),
    "red": ((230, 20, 20), (150, 10, 20), (200, 40, 50)),
    "orange": ((255, 140, 0), (230, 110, 40)),
    "yellow": ((255, 240, 20), (220, 190, 50), (250, 240, 140)),
    "green": ((20, 160, 40), (10, 70, 20), (130, 200, 90), (90, 110, 50)),
    "blue": ((20, 50, 220), (20, 30, 100), (110, 170, 230), (30, 120, 180)),
    "purple": ((128, 20, 150), (80, 40, 110), (170, 120, 200)),
    "pink": ((255, 130, 180), (250, 190, 200), (220, 60, 140)),
    "brown": ((110, 65, 30), (70, 40, 20), (150, 100, 60)),
}


def colour_terms(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The index into `NAMES` of the nearest term for every sRGB pixel.

    Args:
        pixels: ...×3 uint8 sRGB.

    Returns:
        ... uint8.
    """
    owner = np.concatenate([[i] * len(_SAMPLES[name]) for i, name in enumerate(NAMES)])
    samples = np.array([rgb for name in NAMES for rgb in _SAMPLES[name]], np.uint8)
    lab = to_lab(pixels).reshape(-1, 3)
    anchors = to_lab(samples)
    # |a - b|² without the term that is the same for every anchor
    distance = (anchors**2).sum(axis=1) - 2 * (lab @ anchors.T)
    return np.asarray(owner[distance.argmin(axis=1)].reshape(pixels.shape[:-1]), np.uint8)


def to_lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB uint8 (...×3) to CIELAB under D65 (...×3 float32: L in 0..100)."""
    table = np.arange(256) / 255
    table = np.where(table <= 0.04045, table / 12.92, ((table + 0.055) / 1.055) ** 2.4)
    linear = table.astype(np.float32)[pixels]
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
         [0.0193339, 0.1191920, 0.9503041]], np.float32,
    )  # fmt: skip
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883], np.float32)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])],
        axis=-1,
    ).astype(np.float32)
