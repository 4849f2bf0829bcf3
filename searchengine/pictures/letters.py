"""Letters: lines of text in any script, drawn with a font that has them, never as empty boxes.

Plain English takes Pillow's own font. All else takes the bundled one (Latin, Greek, Cyrillic,
Hebrew, Arabic and more), then the system's. A letter that no font has is written out: "U+7EA2",
a symbol by its name: ":cat:".
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache, cached_property, lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

BUNDLED = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
LONGEST = 2000  # characters of a line that are looked at
_MOST_FONTS = 300  # of the system that are tried for a letter
_PROBE = 16  # pixels
_ABSENT = "\U0010fffe"  # a noncharacter: what a font draws for it, it draws for all it lacks
_WIDE = ("cjk", "notosans", "sans", "unicode", "symbol", "emoji", "unifont")


class Face:
    """One font file.

    Attributes:
        path: path of the file; None for Pillow's own font, which has the letters of ASCII.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def font(self, size: int) -> Font:
        """The font, `size` pixels high.

        Raises:
            OSError: the file is no font, or has no such size.
        """
        return _font(self.path, size)

    def has(self, letter: str) -> bool:
        """Whether the font draws a letter, rather than a box in its place."""
        if self.path is None:
            return letter.isascii()
        return self._drawn(letter) != self._box

    def _drawn(self, letter: str) -> bytes:
        # without shaping, which puts a circle beneath a mark that the font does not have
        mask = _probe(self.path).getmask(letter)
        return bytes(mask) + bytes(str(mask.size), "ascii")

    @cached_property
    def _box(self) -> bytes:
        return self._drawn(_ABSENT)


class Run(NamedTuple):
    """Letters that are drawn with one font."""

    text: str
    face: Face


PLAIN, OWN = Face(None), Face(BUNDLED)


@cache
def _font(path: Path | None, size: int) -> Font:
    if path is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(str(path), size)


@cache
def _probe(path: Path | None) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), _PROBE, layout_engine=ImageFont.Layout.BASIC)


def width_of(text: str, size: int) -> int:
    """Pixels that a line of text takes."""
    return int(np.ceil(sum(run.face.font(size).getlength(run.text) for run in runs(text))))


def fitted(text: str, size: int, width: int, *, keep_end: bool = False) -> str:
    """The text on one line, shortened with an ellipsis to at most `width` pixels.

    Args:
        text: anything; control characters are escaped.
        size: height of the letters, pixels.
        width: pixels; where not even the ellipsis fits, nothing is left.
        keep_end: whether the last characters are kept as well, as of a file's name.
    """
    text = legible(text[:LONGEST])
    if width_of(text, size) <= width:
        return text
    end = text[-8:] if keep_end else ""
    low, high = 0, len(text) - len(end)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width_of(f"{text[:middle].rstrip()}…{end}", size) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    short = f"{text[:low].rstrip()}…{end}"
    return short if width_of(short, size) <= width else ""


def write_line(
    picture: Image.Image,
    place: tuple[float, float],
    text: str,
    colour: Colour,
    size: int,
    anchor: str = "l",
) -> None:
    """Write a line of text, its middle at the height of `place`.

    Args:
        picture: RGB, changed in place.
        place: x and y, pixels.
        text: one line.
        colour: colour of the letters.
        size: height of the letters, pixels.
        anchor: whether the line begins ("l"), ends ("r") or has its middle ("m") at x.
    """
    pen, line = ImageDraw.Draw(picture), runs(text)
    if [run.face for run in line] == [PLAIN]:
        pen.text(place, text, colour, PLAIN.font(size), anchor=f"{anchor}m")
        return
    lengths = [run.face.font(size).getlength(run.text) for run in line]
    x = place[0] - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor] * sum(lengths)
    above, below = _metrics(size)
    for run, length in zip(line, lengths, strict=True):
        pen.text(
            (x, place[1] + (above - below) / 2), run.text, colour, run.face.font(size), anchor="ls"
        )
        x += length


def legible(text: str) -> str:
    """The text with what has no shape or turns others around escaped: "\\n", "\\x1b".

    Spaces of any width become plain ones; what joins letters or keeps them apart stays.
    """
    return "".join(" " if unicodedata.category(c) == "Zs" else _escaped(c) for c in text)


def _only_joins(letter: str) -> bool:
    """Whether a character has no shape of its own: joiners, and selectors of variants."""
    return unicodedata.category(letter) == "Cf" or "\ufe00" <= letter <= "\ufe0f"


def _escaped(letter: str) -> str:
    shapeless = unicodedata.category(letter) in ("Cc", "Cs", "Cn", "Zl", "Zp")
    if shapeless or "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069":
        return letter.encode("unicode_escape").decode("ascii")
    return letter


@lru_cache(maxsize=1024)
def runs(text: str) -> tuple[Run, ...]:
    """The text from left to right, in runs of one font each."""
    text = legible(text)
    if text.isascii():
        return (Run(text, PLAIN),)
    shaped = features.check("raqm")
    pieces: list[tuple[str, Face]] = []
    face = OWN
    for letter in text:
        if _only_joins(letter):
            if shaped:  # or they would be drawn as boxes
                pieces.append((letter, face))
            continue
        found = None if not shaped and _is_rtl(letter) else _face_of(letter, face)
        if found is None:
            pieces.append((_written_out(letter), OWN))
        else:
            face = found
            pieces.append((letter, face))
    joined = [
        Run("".join(piece for piece, _ in group), group[0][1])
        for group in (list(g) for _, g in groupby(pieces, key=lambda piece: piece[1]))
    ]
    return tuple(_from_left_to_right(joined))


def _metrics(size: int) -> tuple[int, int]:
    """Pixels of the plain letters above and below the line that they stand on."""
    font = PLAIN.font(size)
    return font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (size, 0)


def _from_left_to_right(line: list[Run]) -> Iterator[Run]:
    """Runs as they are seen: of a line that begins from the right, the last part comes first."""
    directions = [_direction(run.text) for run in line]
    if next((d for d in directions if d), "L") == "L":
        yield from line
        return
    parts = groupby(zip(line, directions, strict=True), key=lambda part: part[1] or "R")
    for direction, part in reversed([(d, [run for run, _ in p]) for d, p in parts]):
        yield from part if direction == "L" else reversed(part)


def _direction(text: str) -> str:
    """ "L" or "R", as the first letter that has one says; "" where none has."""
    for letter in text:
        if unicodedata.bidirectional(letter) == "L":
            return "L"
        if _is_rtl(letter):
            return "R"
    return ""


def _is_rtl(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in ("R", "AL")


def _face_of(letter: str, current: Face) -> Face | None:
    return current if current.has(letter) else _face(letter)


@cache
def _face(letter: str) -> Face | None:
    """The first font that has a letter."""
    if OWN.has(letter):
        return OWN
    for face in _system_faces():
        try:
            if face.has(letter):
                return face
        except (OSError, ValueError):  # no font, or pictures of one size alone
            continue
    return None


@cache
def _system_faces() -> list[Face]:
    return [Face(path) for path in islice(system_fonts(), _MOST_FONTS)]


def system_fonts(folders: list[Path] | None = None) -> Iterator[Path]:
    """Font files of this system, those first that are likely to have many letters.

    Args:
        folders: folders to look in, instead of those where the system keeps fonts.
    """
    found = {
        path
        for folder in (font_folders() if folders is None else folders)
        for pattern in ("*.ttf", "*.otf", "*.ttc", "*.otc")
        for path in folder.rglob(pattern)
    }

    def likely(path: Path) -> tuple[bool, bool, int, str]:
        name = path.stem.lower()
        special = any(word in name for word in ("bold", "italic", "oblique", "mono", "serif"))
        rank = next((i for i, word in enumerate(_WIDE) if word in name), len(_WIDE))
        return "lastresort" in name, special, rank, name

    yield from sorted(found, key=likely)


def font_folders() -> list[Path]:
    """The folders in which this system keeps fonts."""
    try:
        home = Path.home()
    except RuntimeError:  # a container without a home
        home = Path("/nonexistent")
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if os.name == "nt":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
        windows = Path(os.environ.get("WINDIR", "C:/Windows"))
        return [windows / "Fonts", local / "Microsoft/Windows/Fonts"]
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    places = [Path(folder) / "fonts" for folder in shared.split(":") if folder]
    return [*places, home / ".local/share/fonts", home / ".fonts"]


def _written_out(letter: str) -> str:
    name = unicodedata.name(letter, "")
    if unicodedata.category(letter)[0] == "S" and name:
        return f":{name.lower()}:"
    return f"U+{ord(letter):04X} "
