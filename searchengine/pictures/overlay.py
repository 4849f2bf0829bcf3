"""Matches drawn for people: masks on photos, and contact sheets of whole answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.percent_sure import percent_sure
from model.photos.images import to_raw_frame
from model.photos.orientation import turned_size
from searchengine.matches.match import Match
from searchengine.matches.matches import Matches
from searchengine.pictures import drawing, letters
from searchengine.pictures.contact_sheet import contact_sheet

__all__ = ["caption", "contact_sheet", "overlay"]

FILL = 0.38
FEW = 4  # as many labels may repeat the words


def overlay(
    pixels: NDArray[np.uint8],
    matches: Sequence[Match],
    *,
    words: str | None = None,
    orientation: int = 1,
    labels: bool = True,
) -> Image.Image:
    """A photo with the masks of its matches, each named.

    Args:
        pixels: H×W×3 uint8 sRGB of the photo that the matches lie in, at any size.
        matches: matches of this one photo; the smaller mask is on top, or wholes would hide parts.
        words: query for the labels; by default the words of `Matches`. Labels of more than
            a few matches go without.
        orientation: EXIF orientation of the frame that `pixels` are in; 1 for upright ones.
        labels: whether rank, words and confidence are written beside the masks.

    Returns:
        RGB, as large as `pixels`.
    """
    if words is None:
        words = matches.query if isinstance(matches, Matches) else ""
    if len(matches) > FEW:
        words = ""
    picture = Image.fromarray(pixels)
    size = (picture.height, picture.width)
    times = drawing.finer(size)
    line = max(2, round(max(size) / 400))
    boxes: dict[int, drawing.Box] = {}
    for match in sorted(matches, key=lambda match: (-match.segment.area, -match.rank)):
        upright = turned_size((size[0] * times, size[1] * times), orientation)
        mask = drawing.mask_at(match.segment.counts, match.segment.frame, upright)
        mask = to_raw_frame(mask, orientation)
        drawing.paint(picture, mask, drawing.colour(match.rank), line=line, fill=FILL)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes[id(match)] = (
            int(columns[0]) // times,
            int(rows[0]) // times,
            int(columns[-1]) // times + 1,
            int(rows[-1]) // times + 1,
        )
    if labels:
        taken: list[drawing.Box] = []
        for match in sorted(matches, key=lambda match: match.rank):
            _label(picture, boxes[id(match)], match, words, taken)
    return picture


def caption(match: Match, words: str = "") -> str:
    """One line about a match: rank, what was asked, and how sure it is."""
    sure = None
    if match.confidence is not None:
        sure = percent_sure(match.confidence)
    elif match.score is not None:
        sure = f"{match.score:.2f}"
    return "  ".join(part for part in (str(match.rank), words.strip(), sure) if part)


def _label(
    picture: Image.Image, box: drawing.Box, match: Match, words: str, taken: list[drawing.Box]
) -> None:
    size = max(11, round(min(picture.size) / 32))
    room = picture.width - 2 - size // 2 * 2
    whole = caption(match, words)
    # the words give way before the numbers do
    text = whole
    if letters.width_of(whole, size) > room:
        spare = room - letters.width_of(caption(match, "i"), size)
        text = caption(match, letters.fitted(words.strip(), size, spare))
    if letters.width_of(text, size) > room:
        text = letters.fitted(str(match.rank), size, room)
    width, height = drawing.plate_size(text, size)
    if not text or height > picture.height:
        return
    free = _free_place(box, (width, height), picture.size, taken)
    taken.append((free[0], free[1], free[0] + width, free[1] + height))
    drawing.plate(picture, free, text, size, drawing.colour(match.rank))


def _free_place(
    box: drawing.Box, size: tuple[int, int], picture: tuple[int, int], taken: list[drawing.Box]
) -> tuple[int, int]:
    """Upper left corner for a label near a box: in the picture, and where no other label is."""
    width, height = size
    x0, y0, x1, y1 = box
    middle = (x0 + x1 - width) // 2, (y0 + y1 - height) // 2
    wishes = [(x0, y0 - height), (x0, y0), (x1 - width, y0 - height), (x0, y1), middle]
    wishes += [(x0, y0 + height * step) for step in range(1, 40)]
    places = [
        (min(max(x, 0), picture[0] - width), min(max(y, 0), picture[1] - height)) for x, y in wishes
    ]
    for x, y in places:
        if not any(
            x < right and left < x + width and y < bottom and top < y + height
            for left, top, right, bottom in taken
        ):
            return x, y
    return places[0]
