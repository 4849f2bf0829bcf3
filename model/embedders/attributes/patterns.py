"""The pattern part of an embedding: is a region plain, patterned or striped; what does a text say.

The gradient of the lightness tells it, by means over a region: stripes have one direction at every
place and everywhere the same, and as many edges up as down; checks, dots and prints have edges of
all directions; folds and shading have few, weak ones.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model.embedders.attributes.pixel_grid import CELL, Cells
from model.embedders.attributes.words import AttributeWords
from model.photos.images import Image

Floats = NDArray[np.float32]

PATTERNS = ("plain", "patterned", "striped")
_TINY = 1e-6
_NEARBY = 4.0  # pixels, deviation of the blur that tells what is nearby
# A linear model of the six statistics, fitted to 103 garments of training photos that were judged
# by eye (82 plain, 16 patterned, 5 striped; ridge of 0.1): centres, spreads, and a row of
# weights and a bias for each pattern.
_CENTRES = np.array([0.441, 3.203, -3.011, 0.137, 0.618, 0.669])
_SPREADS = np.array([0.25, 0.617, 0.574, 0.118, 0.173, 0.297])
_WEIGHTS = np.array(
    [
        [-0.032, -0.145, -0.701, 0.29, 0.139, 0.333],
        [-0.487, -0.285, 0.222, -0.018, -0.63, -0.164],
        [0.518, 0.43, 0.479, -0.272, 0.491, -0.169],
    ]
)
_BIASES = np.array([1.001, -0.165, -0.836])

# "plain" is a pattern word before another word only: there are plains
PATTERN_WORDS = AttributeWords(
    r"\b(?:(?P<striped>(?:pin)?striped|strip(?:e)?y|(?:with )?(?:pin)?stripes?)"
    r"|(?P<patterned>patterned|che(?:ck|qu)(?:er)?ed|plaid|tartan|gingham|dotted|spotted|floral"
    r"|flowery|polka[ -]dot(?:s|ted)?|with (?:a pattern|(?:polka )?dots?|spots?|checks?))"
    r"|(?P<plain>plain)(?=[ -]\w))\b",
    # stripes are a pattern, too
    {"plain": (1, 0, 0), "patterned": (0, 0.8, 0.6), "striped": (0, 0, 1)},
)


def region_patterns(cells: Cells) -> Floats:
    """N×3 unit rows, components as in `PATTERNS`: square roots of their probabilities.

    Of each mask only the inside counts, where it has one: its own outline is no pattern.
    """
    statistics = region_statistics(cells)
    logits = ((statistics - _CENTRES) / _SPREADS) @ _WEIGHTS.T + _BIASES
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(np.sqrt(shares / shares.sum(axis=1, keepdims=True)), np.float32)


def region_statistics(cells: Cells) -> NDArray[np.float64]:
    """N×6: coherence of the gradient over the region (1: one direction); logarithm of its mean
    against the contrast, in edges across the region; logarithm of the contrast; balance of its
    signs (0: as many up as down); its coherence at each place; logarithm of its sparsity."""
    inside = _insides(cells)
    total = inside.sum(axis=1, keepdims=True)
    sides = CELL * np.sqrt(total[:, 0])
    found = (inside @ cells.means(_maps(cells.image)) / total).astype(np.float64).T
    slope, energy, twice_x, twice_y, x, y, detail, local = found
    contrast = np.sqrt(detail + _TINY)
    return np.stack(
        [
            np.hypot(twice_x, twice_y) / (energy + _TINY),
            np.log(slope / contrast * sides + _TINY),
            np.log(contrast),
            np.hypot(x, y) / (slope + _TINY),
            local / (energy + _TINY),
            np.log(energy / (slope**2 + _TINY) + _TINY),
        ],
        axis=1,
    )


def _lightness(image: Image) -> Floats:
    """H×W in [0, 1], smoothed a little; grey of sRGB, which is about as light as it looks."""
    grey = image.pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255
    return np.asarray(ndimage.gaussian_filter(grey, 0.7), np.float32)


def _maps(image: Image) -> Floats:
    """H×W×8: length of the gradient, its square, that times the cosine and sine of twice its
    direction, its two components, the square of the detail, and the squared length times its
    coherence nearby."""
    light = _lightness(image)
    x, y = (ndimage.sobel(light, axis) / 8 for axis in (1, 0))
    xx, yy, xy = x * x, y * y, x * y
    energy = xx + yy
    near_xx, near_yy, near_xy, near = _blurred(np.stack([xx, yy, xy, light]))
    coherence = np.hypot(near_xx - near_yy, 2 * near_xy) / (near_xx + near_yy + 1e-5)
    detail = light - near
    # energy · (cos 2θ, sin 2θ) = (x² - y², 2xy)
    maps = (np.sqrt(energy), energy, xx - yy, 2 * xy, x, y, detail**2, coherence * energy)
    return np.stack(maps, axis=-1)


def _blurred(maps: Floats) -> Floats:
    """K×H×W of K×H×W maps: their means nearby, Gaussian. As two products with matrices this takes a
    quarter of the time of scipy's filter."""
    down, across = (_blur(length) for length in maps.shape[1:])
    return np.asarray(down @ (maps @ across.T), np.float32)


@lru_cache(maxsize=8)
def _blur(length: int) -> Floats:
    """The matrix that blurs a line of so many pixels."""
    return np.asarray(ndimage.gaussian_filter1d(np.eye(length), _NEARBY, axis=0), np.float32)


def _insides(cells: Cells) -> Floats:
    """N×P weights of cells: those whose neighbours are covered, too; where there are none those
    that are covered, or else all by their cover."""
    covered = cells.cover > 0.98
    deep = _without_border(covered.reshape(-1, *cells.grid)).reshape(covered.shape)
    inside = cells.cover * np.float32(1e-6)
    inside += covered * np.float32(1e-3)
    inside += deep
    return inside


def _without_border(covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """N×h×w: the cells whose eight neighbours in the photo are covered, too."""
    rows = covered.copy()
    rows[:, 1:] &= covered[:, :-1]
    rows[:, :-1] &= covered[:, 1:]
    deep = rows.copy()
    deep[:, :, 1:] &= rows[:, :, :-1]
    deep[:, :, :-1] &= rows[:, :, 1:]
    return deep
