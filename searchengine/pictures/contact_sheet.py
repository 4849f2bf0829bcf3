"""Contact sheets: the answers to some queries on one picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from model.errors import ExportError, PhotoError
from model.percent_sure import percent_sure
from searchengine.matches.match import CONFIDENT, Match
from searchengine.matches.matches import Matches
from searchengine.output_files import refuse_place, write
from searchengine.photos.photo_pixels import image_of
from searchengine.pictures import drawing, letters
from searchengine.pictures.image_bytes import encoded, format_of

COLUMNS = 6
PICTURE = (304, 228)  # width and height of a tile's photo, pixels
CAPTION = 52
GAP, MARGIN = 16, 32
HEADING = 54
TALLEST = 60_000  # pixels; a taller sheet is opened by nothing

GROUND = (243, 244, 247)
CARD = (255, 255, 255)
EMPTY = (226, 229, 235)
INK, PALE = (28, 31, 38), (112, 118, 130)
GREEN, AMBER = (22, 140, 80), (196, 120, 10)

SMALL = 0.3  # a mask whose box is smaller than this share of the photo's sides is also shown close
CLOSE = (0.44, 0.5)  # shares of the tile's width and height that the close view takes


def contact_sheet(
    answers: Sequence[Matches],
    path: str | os.PathLike[str],
    *,
    per_query: int = COLUMNS,
    overwrite: bool = False,
) -> Path:
    """Write one picture that shows the best matches of each query.

    A tile shows the photo with the mask, a closer view where the mask is small, rank, score,
    confidence and file name. A photo that cannot be read leaves a grey tile that says why.

    Args:
        answers: one to a query, in the order of the sheet.
        path: file to write, PNG or JPEG by its suffix. An older sheet is replaced when the new
            one is complete.
        per_query: tiles a query at the most.
        overwrite: replace a file that is no picture of segsearch's, too.

    Raises:
        OutputUnusable: the path is a folder, a device, or has a suffix of no such format.
        ExportError: another file is there, it cannot be written, or would be too large to be
            opened.
        StorageFull: the disk is full.
    """
    place = Path(path)
    check_place(place, overwrite=overwrite)
    columns = max(1, min(COLUMNS, per_query, max((len(a) for a in answers), default=1)))
    width = max(2 * MARGIN + columns * (PICTURE[0] + GAP) - GAP, 900)
    tile_height = PICTURE[1] + CAPTION + GAP
    heights = [
        HEADING + (-(-min(len(answer), per_query) // columns)) * tile_height + GAP
        for answer in answers
    ]
    height = 2 * MARGIN + sum(heights) - GAP if answers else 2 * MARGIN + HEADING
    if height > TALLEST:
        raise ExportError(
            f"a contact sheet of {len(answers)} queries would be {height} pixels high",
            "ask for fewer queries or fewer matches a sheet",
        )
    sheet = Image.new("RGB", (width, height), GROUND)
    top = MARGIN
    for answer, tall in zip(answers, heights, strict=True):
        _heading(sheet, answer, top)
        for number, match in enumerate(answer[:per_query]):
            row, column = divmod(number, columns)
            x = MARGIN + column * (PICTURE[0] + GAP)
            sheet.paste(tile(match), (x, top + HEADING + row * tile_height))
        top += tall
    write(place, encoded(sheet, place))
    return place


def check_place(path: Path, *, overwrite: bool = False) -> None:
    """Refuse what a contact sheet cannot be written to; see `contact_sheet` for the errors."""
    refuse_place(path, overwrite=overwrite)
    format_of(path)


def tile(match: Match) -> Image.Image:
    """One match as a card: the photo with its mask, and what is known about it below."""
    card = Image.new("RGB", (PICTURE[0], PICTURE[1] + CAPTION), CARD)
    try:
        photo = _photo(match)
    except PhotoError as error:
        _grey(card, str(error.what))
    else:
        _show(card, photo, match)
    _caption(card, match)
    return card


def picture_of(match: Match) -> Image.Image:
    """The photo with the mask of a match, `PICTURE` large, as a tile shows it.

    Raises:
        PhotoError: the photo cannot be read any more, or is not the one indexed.
    """
    picture = Image.new("RGB", PICTURE, CARD)
    _show(picture, _photo(match), match)
    return picture


def _heading(sheet: Image.Image, answer: Matches, top: int) -> None:
    if not len(answer):
        verdict, ground = "nothing to show", PALE
    elif answer[0].confidence is None:  # an example was given, and nothing is sure about those
        verdict, ground = "nearest first", PALE
    elif answer.confident:
        verdict, ground = "confident", GREEN
    else:
        verdict, ground = "no confident match: the nearest are shown", AMBER
    words = answer.query.strip() or "similar to the example"
    room = sheet.width - 2 * MARGIN - drawing.plate_size(verdict, 15)[0] - GAP
    words = letters.fitted(words, 27, room)
    letters.write_line(sheet, (MARGIN, top + 20), words, INK, 27)
    after = MARGIN + letters.width_of(words, 27) + GAP
    drawing.plate(sheet, (after, top + 9), verdict, 15, ground)


def _photo(match: Match) -> Image.Image:
    """The photo, reduced, but fine enough for the close view."""
    wanted = 2 * max(PICTURE)
    if (window := _window(match)) is not None:
        share = (window[2] - window[0]) / match.segment.frame[1]
        tall = max(1, match.photo.size[0] / match.photo.size[1])
        wanted = max(wanted, round(PICTURE[0] * CLOSE[0] / share * tall))
    return Image.fromarray(image_of(match.photo, max_side=wanted).pixels)


def _show(card: Image.Image, photo: Image.Image, match: Match) -> None:
    segment, tint = match.segment, drawing.colour(match.rank)
    small = photo.resize(_within(photo.size, PICTURE), Image.Resampling.LANCZOS)
    times = drawing.finer(PICTURE)
    fine = (small.height * times, small.width * times)
    mask = drawing.mask_at(segment.counts, segment.frame, fine)
    drawing.dim(small, mask, 0.42)
    drawing.paint(small, mask, tint, line=2, fill=0.22)
    window = _window(match)
    # the close view lies in the corner opposite to the mask; the photo makes room for it
    right, low = _middle(match)[0] < 0.5, _middle(match)[1] < 0.5
    left, top = (PICTURE[0] - small.width) // 2, (PICTURE[1] - small.height) // 2
    if window is not None:
        left, top = 2 * left * (not right), 2 * top * (not low)
    card.paste(EMPTY, (0, 0, *PICTURE))
    card.paste(small, (left, top))
    if window is not None:
        near = _close(photo, match, window)
        x = PICTURE[0] - near.width if right else 0
        y = PICTURE[1] - near.height if low else 0
        card.paste(near, (x, y))


def _within(size: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a picture as large as there is room; narrow ones keep a pixel."""
    share = min(room[0] / size[0], room[1] / size[1])
    return max(round(size[0] * share), 1), max(round(size[1] * share), 1)


def _close(photo: Image.Image, match: Match, window: drawing.Box) -> Image.Image:
    """A window of the photo, given in pixels of the working frame, with the mask, framed."""
    segment, tint = match.segment, drawing.colour(match.rank)
    across, down = photo.width / segment.frame[1], photo.height / segment.frame[0]
    part = (window[0] * across, window[1] * down, window[2] * across, window[3] * down)
    wide, tall = part[2] - part[0], part[3] - part[1]
    fit = min(PICTURE[0] * CLOSE[0] / wide, PICTURE[1] * CLOSE[1] / tall)
    size = (max(round(wide * fit), 1), max(round(tall * fit), 1))
    near = photo.resize(size, Image.Resampling.BICUBIC, part)
    times = drawing.finer(size)
    fine = (size[1] * times, size[0] * times)
    mask = drawing.mask_at(segment.counts, segment.frame, fine, window)
    drawing.paint(near, mask, tint, line=2, fill=0.12)
    return ImageOps.expand(ImageOps.expand(near, 2, tint), 2, CARD)


def _window(match: Match) -> drawing.Box | None:
    """Box that the close view shows, in pixels of the working frame; None where none is needed."""
    height, width = match.segment.frame
    x0, y0, x1, y1 = match.segment.box
    if max((x1 - x0) / width, (y1 - y0) / height) >= SMALL:
        return None
    # as wide as the tile's close view is, in pixels of the photo, and never less than 3 % of it
    across = width / match.photo.size[1] / (height / match.photo.size[0])
    aspect = PICTURE[0] * CLOSE[0] / (PICTURE[1] * CLOSE[1]) * across
    tall = max((y1 - y0) * 1.6, (x1 - x0) * 1.6 / aspect, height * 0.03, 6)
    wide = tall * aspect
    left = min(max((x0 + x1 - wide) / 2, 0), max(width - wide, 0))
    top = min(max((y0 + y1 - tall) / 2, 0), max(height - tall, 0))
    return (
        int(left),
        int(top),
        min(int(left + wide) + 1, width),
        min(int(top + tall) + 1, height),
    )


def _middle(match: Match) -> tuple[float, float]:
    """x and y of the middle of the mask's box, as shares of the photo."""
    x0, y0, x1, y1 = match.segment.box
    return (x0 + x1) / 2 / match.segment.frame[1], (y0 + y1) / 2 / match.segment.frame[0]


def _grey(card: Image.Image, reason: str) -> None:
    card.paste(EMPTY, (0, 0, *PICTURE))
    middle = (PICTURE[0] // 2, PICTURE[1] // 2)
    letters.write_line(card, (middle[0], middle[1] - 14), "no picture", PALE, 20, "m")
    line = letters.fitted(reason, 13, PICTURE[0] - 24, keep_end=True)
    letters.write_line(card, (middle[0], middle[1] + 14), line, PALE, 13, "m")


def _caption(card: Image.Image, match: Match) -> None:
    tint = drawing.colour(match.rank)
    drawing.plate(card, (8, PICTURE[1] + 7), str(match.rank), 14, tint)
    x = 16 + drawing.plate_size(str(match.rank), 14)[0]
    baseline = PICTURE[1] + 18
    if match.score is not None:
        letters.write_line(card, (x, baseline), f"score {match.score:.2f}", INK, 15)
    if match.confidence is not None:
        sure = GREEN if match.confidence >= CONFIDENT else PALE
        text = f"{percent_sure(match.confidence)} sure"
        letters.write_line(card, (PICTURE[0] - 10, baseline), text, sure, 15, "r")
    name = letters.fitted(Path(match.photo.path).name, 13, PICTURE[0] - 20, keep_end=True)
    letters.write_line(card, (10, PICTURE[1] + 39), name, PALE, 13)
