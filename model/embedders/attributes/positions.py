"""The position part of an embedding: where in the photo a segment lies and how much of it it
fills; what a text says of that.

Three directions of two numbers each: the way across the photo is half a circle, so the cosine to
its left end falls all the way to the right, and what is in the middle is nearest to a quarter.
The outermost fifths are ends: slivers at the photo's edge are no more on the left than a car.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.embedders.attributes.words import AttributeWords
from model.masks.segments import Segments

Floats = NDArray[np.float32]

POSITIONS = ("left", "across", "top", "down", "small", "middling")
END = 0.2  # of the way
SMALLEST = 0.001  # share of the photo: what is smaller is small
SIZE_WEIGHT = 0.5  # size for one of the way across: the largest masks are often of no thing

_SCENE = r"(?:photo|photograph|picture|image|frame|scene|view)"
_PART = r"(?:[ -]hand)?(?: (?:side|half|part|edge|end|corner))?"
# … "of the photo" or of nothing: the left of a car is its own, and "the left mirror" is a name
_ALONE = (
    rf"{_PART}(?: of the {_SCENE})?(?=$|[ ]*[.,;:!?)]"
    r"| (?:and|or|but|with|without|in|at|on|near|behind|beside|under|who|that|which|is|are"
    r"|wearing|holding|standing|sitting|lying|walking|running|looking)\b)"
)
_AT = r"(?:on|at|to|in|from|near|along|towards?) (?:the|its) (?:far |very |extreme )?"
_SIDES = {
    "left": "left",
    "right": "right",
    "top": "top|upper",
    "bottom": "bottom|lower",
    "middle": "middle|cent(?:er|re)",
}
_CORNERS = "|".join(
    rf"(?P<{high}_{side}>{_AT}(?:{_SIDES[high]})[ -]{side}{_ALONE})"
    for high in ("top", "bottom")
    for side in ("left", "right")
)
_PLACES = "|".join(rf"(?P<{name}>{_AT}(?:{word}){_ALONE})" for name, word in _SIDES.items())
_DEPTHS = (
    rf"(?P<background>in the (?:background|distance){_ALONE})"
    rf"|(?P<foreground>in the foreground{_ALONE})"
)
# Said of the first thing only. A little girl is young, and so is a small child, however near.
_FIRST = r"(?:(?<=^)|(?<=^a )|(?<=^an )|(?<=^the ))(?:very )?"
_SIZES = (
    rf"(?P<small>{_FIRST}(?:small|tiny)(?= \w)"
    r"(?! (?:child|children|boys?|girls?|kids?|bab(?:y|ies)|groups?|amounts?|number|of)\b))"
    rf"|(?P<large>{_FIRST}(?:large|big|huge|enormous)(?= \w)"
    r"(?! (?:groups?|amounts?|number|crowds?|famil(?:y|ies)|cats?|toes?|ben|of)\b))"
)
POSITION_WORDS = AttributeWords(
    rf"\b(?:{_CORNERS}|{_PLACES}|{_DEPTHS}|{_SIZES})",
    {
        "top_left": (1, 0, 1, 0, 0, 0),
        "top_right": (-1, 0, 1, 0, 0, 0),
        "bottom_left": (1, 0, -1, 0, 0, 0),
        "bottom_right": (-1, 0, -1, 0, 0, 0),
        "left": (1, 0, 0, 0, 0, 0),
        "right": (-1, 0, 0, 0, 0, 0),
        "top": (0, 0, 1, 0, 0, 0),
        "bottom": (0, 0, -1, 0, 0, 0),
        "middle": (0, 1, 0, 0.5, 0, 0),
        "background": (0, 0, 0.7, 0, 0.7, 0),  # what is far is small and high
        "foreground": (0, 0, -0.7, 0, -0.7, 0),
        "small": (0, 0, 0, 0, 1, 0),
        "large": (0, 0, 0, 0, -1, 0),
    },
    longest=8,
)


def region_positions(segments: Segments) -> Floats:
    """N×6 unit rows, components as in `POSITIONS`: of the centre of each one's box, and of the
    logarithm of the share of the photo that it covers."""
    height, width = segments.size
    boxes = np.asarray(segments.boxes, np.float64)
    across = (boxes[:, 0] + boxes[:, 2]) / (2 * width)
    down = (boxes[:, 1] + boxes[:, 3]) / (2 * height)
    share = np.maximum(segments.areas / (height * width), SMALLEST)
    ways = [np.clip((way - END) / (1 - 2 * END), 0, 1) for way in (across, down)]
    angles = np.pi * np.stack([*ways, 1 - np.log(share) / np.log(SMALLEST)], axis=1)
    weights = np.array([1, 1, SIZE_WEIGHT])[:, None] / np.sqrt(2 + SIZE_WEIGHT**2)
    waves = weights * np.stack([np.cos(angles), np.sin(angles)], axis=2)
    return np.asarray(waves.reshape(-1, len(POSITIONS)), np.float32)
