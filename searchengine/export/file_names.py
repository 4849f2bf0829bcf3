"""Names for exported files that every system takes."""

from __future__ import annotations

import os
import unicodedata

LONGEST = 100  # bytes of a whole name
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{n}{i}" for n in ("COM", "LPT") for i in range(1, 10))}


def file_name(path: str, number: int, suffix: str) -> str:
    """A name that tells which photo it comes from, and that no other file of the export has.

    Letters and digits of any script stay; spaces, control characters, bytes that are no UTF-8,
    emoji and what some system forbids become "_".

    Args:
        path: path of the photo.
        number: id of the segment or of the photo; what makes the name unique.
        suffix: ending of the name, with its dot.
    """
    stem = os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122
    tail = f"-{number}{suffix}"
    return f"{_plain(stem, LONGEST - len(tail.encode())) or 'photo'}{tail}"


def folder_name(label: str) -> str:
    """A folder's name for a label; characters are replaced as in `file_name`."""
    name = _plain(label, LONGEST)
    return f"{name}_" if name.upper() in RESERVED or not name else name


def _plain(text: str, room: int) -> str:
    """What every system takes of a text, in at most so many bytes."""
    kept = "".join(
        c if unicodedata.category(c)[0] in "LN" or c in "-_." else "_"
        for c in unicodedata.normalize("NFC", text)
    )
    words = [word for word in kept.split("_") if word]
    short = "_".join(words).lstrip(".-").encode()[:room].decode("utf-8", "ignore")
    return short.rstrip("._-")
