"""Names of Pascal-Part's objects and parts, as they are typed."""

from __future__ import annotations

import re

_OBJECTS = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "pottedplant": "potted plant",
    "tvmonitor": "tv monitor",
}
_PLAIN = {
    "beak", "body", "cap", "chainwheel", "coach", "door", "engine", "hair", "handlebar", "head",
    "headlight", "mouth", "muzzle", "neck", "nose", "plant", "pot", "saddle", "screen", "stern",
    "tail", "torso", "wheel", "window",
}  # fmt: skip
_SPELT = {
    "fwheel": ("front ", "wheel"),
    "bwheel": ("back ", "wheel"),
    "fliplate": ("front ", "license plate"),
    "bliplate": ("back ", "license plate"),
    "leftmirror": ("left ", "mirror"),
    "rightmirror": ("right ", "mirror"),
}
_SIDES = {
    "frontside": "front",
    "backside": "back",
    "leftside": "left side",
    "rightside": "right side",
    "roofside": "roof",
}
_PLACES = {"l": "left ", "r": "right ", "f": "front ", "b": "back ", "": ""}
_HEIGHTS = {"u": "upper ", "l": "lower ", "": ""}
_NOUNS = {"pa": "paw", "ho": "hoof", "ebrow": "eyebrow"}
_LIMB = re.compile(
    r"(?P<side>[lr])(?P<place>[fb]?)(?P<height>[ul]?)"
    r"(?P<noun>arm|ear|ebrow|eye|foot|hand|ho|horn|leg|pa|wing)"
)
_OF_TRAIN = re.compile(r"(?P<of>[hc])(?P<side>\w+side)")


def object_name(name: str) -> str:
    """An object's name: "diningtable" → "dining table"."""
    return _OBJECTS.get(name, name)


def part_texts(whole: str, name: str) -> tuple[str, ...]:
    """Texts of a part, the most specific first: "lfpa" of a cat → "left front paw", "cat paw",
    "paw".

    Args:
        whole: name of the object, as `object_name` gives it.
        name: name of the part in Pascal-Part; a number behind it counts parts of one name.

    Raises:
        ValueError: Pascal-Part has no part of that name.
    """
    plain = re.sub(r"_\d+$", "", name)
    if plain in _PLAIN:
        return f"{whole} {plain}", plain
    if plain in _SIDES:
        return (f"{_SIDES[plain]} of the {whole}",)
    if plain in _SPELT:
        place, noun = _SPELT[plain]
    elif limb := _LIMB.fullmatch(plain):
        place = _PLACES[limb["side"]] + _PLACES[limb["place"]] + _HEIGHTS[limb["height"]]
        noun = _NOUNS.get(limb["noun"], limb["noun"])
    elif (train := _OF_TRAIN.fullmatch(plain)) and train["side"] in _SIDES:
        coach = " coach" if train["of"] == "c" else ""
        return (f"{_SIDES[train['side']]} of the {whole}{coach}",)
    else:
        raise ValueError(f"no part is called {name!r}")
    return place + noun, f"{whole} {noun}", noun
