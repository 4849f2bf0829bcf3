"""The pattern part of an embedding: is a region plain, patterned or striped; what does a text say.

The gradient of the lightness tells it, by means over a region: stripes have one direction at every
place and everywhere the same, and as many edges up as down; checks, dots and prints have edges of
all directions; folds and shading have few, weak ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model.images import Image
from model.segments import Segments
from model.use.coverage import coverage
from model.use.look_words import LookWords

Floats = NDArray[np.float32]

PATTERNS = ("plain", "patterned", "striped")
SIDE = 448  # pixels are read at this longer side
CELL = 4  # pixels; means are taken over cells first
CHUNK = 64
_TINY = 1e-6
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
PATTERN_WORDS = LookWords(
    r"\b(?:(?P<striped>(?:pin)?striped|strip(?:e)?y|(?:with )?(?:pin)?stripes)"
    r"|(?P<patterned>patterned|che(?:ck|qu)(?:er)?ed|plaid|tartan|gingham|dotted|spotted|floral"
    r"|flowery|polka[ -]dot(?:s|ted)?|with (?:a pattern|polka dots|dots|spots|checks))"
    r"|(?P<plain>plain)(?=[ -]\w))\b",
    # stripes are a pattern, too
    {"plain": (1, 0, 0), "patterned": (0, 0.8, 0.6), "striped": (0, 0, 1)},
)


def region_patterns(image: Image, segments: Segments) -> Floats:
    """N×3 unit rows, components as in `PATTERNS`: square roots of their probabilities.

    Of each mask only the inside counts, where it has one: its own outline is no pattern.
    """
    if not len(segments):
        return np.zeros((0, len(PATTERNS)), np.float32)
    statistics = region_statistics(image, segments)
    logits = ((statistics - _CENTRES) / _SPREADS) @ _WEIGHTS.T + _BIASES
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(np.sqrt(shares / shares.sum(axis=1, keepdims=True)), np.float32)


def region_statistics(image: Image, segments: Segments) -> NDArray[np.float64]:
    """N×6: coherence of the gradient over the region (1: one direction); logarithm of its mean
    against the contrast, in edges across the region; logarithm of the contrast; balance of its
    signs (0: as many up as down); its coherence at each place; logarithm of its sparsity."""
    maps = _cells(_lightness(image.reduced(SIDE)))
    grid = (maps.shape[0], maps.shape[1])
    table = maps.reshape(-1, maps.shape[2])
    means, sides = [], []
    for start in range(0, len(segments), CHUNK):
        inside = _insides(coverage(segments[start : start + CHUNK], grid).numpy(), grid)
        total = inside.sum(axis=1, keepdims=True)
        means.append(inside @ table / total)
        sides.append(CELL * np.sqrt(total[:, 0]))
    found = np.concatenate(means).astype(np.float64).T
    slope, energy, twice_x, twice_y, x, y, detail, local = found
    contrast = np.sqrt(detail + _TINY)
    return np.stack(
        [
            np.hypot(twice_x, twice_y) / (energy + _TINY),
            np.log(slope / contrast * np.concatenate(sides) + _TINY),
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


def _cells(light: Floats) -> Floats:
    """h×w×8 means over cells: length of the gradient, its square, that times the cosine and sine of
    twice its direction, its two components, the square of the detail, and the squared length
    times its coherence nearby."""
    x, y = (ndimage.sobel(light, axis) / 8 for axis in (1, 0))
    xx, yy, xy = x * x, y * y, x * y
    energy = xx + yy
    near_xx, near_yy, near_xy = (ndimage.gaussian_filter(each, 4) for each in (xx, yy, xy))
    coherence = np.hypot(near_xx - near_yy, 2 * near_xy) / (near_xx + near_yy + 1e-5)
    detail = light - ndimage.gaussian_filter(light, 4)
    # energy · (cos 2θ, sin 2θ) = (x² - y², 2xy)
    maps = (np.sqrt(energy), energy, xx - yy, 2 * xy, x, y, detail**2, coherence * energy)
    height, width = (max(length // CELL, 1) for length in light.shape)
    rows = np.linspace(0, light.shape[0], height + 1).astype(int)[:-1]
    columns = np.linspace(0, light.shape[1], width + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(np.stack(maps, axis=-1), rows, axis=0), columns, axis=1)
    counts = np.diff([*rows, light.shape[0]])[:, None] * np.diff([*columns, light.shape[1]])
    return np.asarray(sums / counts[..., None], np.float32)


def _insides(cover: Floats, grid: tuple[int, int]) -> Floats:
    """N×P weights of cells: those whose neighbours are covered, too; where there are none those
    that are covered, or else all by their cover."""
    full = (cover > 0.98).reshape(-1, *grid)
    deep = ndimage.minimum_filter(full.view(np.uint8), (1, 3, 3), mode="nearest")
    weights = deep.reshape(cover.shape) + 1e-3 * (cover > 0.98) + 1e-6 * cover
    return np.asarray(weights, np.float32)
