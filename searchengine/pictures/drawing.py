"""Colours, plates and masks, painted onto pictures so that they can be told apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from model.masks import resizing, rle
from model.masks.polygons import outlines
from searchengine.pictures.letters import width_of, write_line

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels

# told apart also by people who see no red or no green: neighbours differ in lightness
COLOURS: tuple[Colour, ...] = (
    (255, 76, 60),
    (0, 194, 255),
    (255, 214, 10),
    (168, 85, 247),
    (52, 211, 103),
    (255, 122, 195),
    (52, 107, 255),
    (255, 149, 0),
    (190, 242, 60),
    (0, 180, 165),
)
DARK: Colour = (24, 26, 32)
WHITE: Colour = (255, 255, 255)
FINE = 3  # small pictures are painted this many times finer and reduced, for smooth edges
LARGE = 1600  # pixels of the longer side from which on that is not needed


def colour(rank: int) -> Colour:
    """The colour of the match with this rank, 1 for the first."""
    return COLOURS[(rank - 1) % len(COLOURS)]


def readable_on(background: Colour) -> Colour:
    """Dark or white, whichever stands out more."""
    red, green, blue = background
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


def mask_at(
    counts: bytes, frame: tuple[int, int], size: tuple[int, int], window: Box | None = None
) -> NDArray[np.bool_]:
    """A window of a mask, drawn smoothly at another size.

    Args:
        counts: COCO compressed run lengths.
        frame: (height, width) of the mask's frame, pixels.
        size: (height, width) of the picture wanted.
        window: part of the frame to draw; all of it by default.
    """
    if window is not None:
        x0, y0, x1, y1 = window
        part = rle.decode_window(counts, frame, slice(y0, y1), slice(x0, x1))
        counts, frame = rle.encode(part[None])[0], part.shape
    drawn: NDArray[np.bool_] = rle.decode((resizing.resize_mask(counts, frame, size),), size)[0]
    return drawn


def finer(size: tuple[int, int]) -> int:
    """Factor by which the masks of a picture of that size are drawn finer than it."""
    return FINE if max(size) < LARGE else 1


def paint(
    picture: Image.Image,
    mask: NDArray[np.bool_],
    paint_colour: Colour,
    *,
    line: int,
    fill: float,
) -> None:
    """Paint a mask onto a picture: translucent, with an outline that stands out on any ground.

    Args:
        picture: RGB, changed in place.
        mask: `finer` times as high and wide as the picture, or just as large.
        paint_colour: colour of the fill and of the outline.
        line: width of the outline, pixels of the picture.
        fill: opacity of the fill, 0 to 1.
    """
    times = mask.shape[0] // picture.height
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return
    room = line + 3
    box = (
        max(int(columns[0]) // times - room, 0),
        max(int(rows[0]) // times - room, 0),
        min(int(columns[-1]) // times + room + 1, picture.width),
        min(int(rows[-1]) // times + room + 1, picture.height),
    )
    part = mask[box[1] * times : box[3] * times, box[0] * times : box[2] * times]
    rings = outlines(part, tolerance=0.35 * times)
    covers = [Image.fromarray(part.astype(np.uint8) * round(255 * fill))]
    for width, strength in ((line + 2, 150), (line, 255)):
        cover = Image.new("L", covers[0].size)
        for ring in rings:
            points = [tuple(point) for point in ring]
            closed = [*points, points[0], points[1]]
            ImageDraw.Draw(cover).line(closed, strength, width * times, joint="curve")
        covers.append(cover)
    for cover, tint in zip(covers, (paint_colour, DARK, paint_colour), strict=True):
        picture.paste(tint, box, cover.reduce(times) if times > 1 else cover)


def dim(picture: Image.Image, mask: NDArray[np.bool_], strength: float) -> None:
    """Darken and grey what lies outside a mask, in place; shapes as in `paint`."""
    times = mask.shape[0] // picture.height
    inside = Image.fromarray(mask.astype(np.uint8) * 255)
    outside = ImageChops.invert(inside.reduce(times) if times > 1 else inside)
    grey = Image.blend(picture.convert("L").convert("RGB"), Image.new("RGB", picture.size), 0.35)
    picture.paste(grey, (0, 0), outside.point(lambda value: round(value * strength)))


def plate(
    picture: Image.Image, corner: tuple[int, int], text: str, size: int, ground: Colour
) -> None:
    """Paint a line of text on a rounded plate, its upper left corner at x, y."""
    width, height = plate_size(text, size)
    cover = Image.new("L", (width * 4, height * 4))
    shape = ImageDraw.Draw(cover)
    shape.rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), size * 4 // 3, fill=255)
    picture.paste(ground, corner, cover.reduce(4))
    middle = corner[0] + size // 2, corner[1] + height // 2
    write_line(picture, middle, text, readable_on(ground), size)


def plate_size(text: str, size: int) -> tuple[int, int]:
    """Width and height of the plate under a line of text, pixels."""
    return width_of(text, size) + size // 2 * 2, round(size * 1.55)
