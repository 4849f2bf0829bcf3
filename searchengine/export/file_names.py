"""Names for exported files that every system takes."""

from __future__ import annotations

import os
import unicodedata

LONGEST = 100  # bytes of a whole name


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
    kept = "".join(
        c if unicodedata.category(c)[0] in "LN" or c in "-_." else "_"
        for c in unicodedata.normalize("NFC", stem)
    )
    words = [word for word in kept.split("_") if word]
    tail = f"-{number}{suffix}"
    room = LONGEST - len(tail.encode())
    short = "_".join(words).lstrip(".-").encode()[:room].decode("utf-8", "ignore")
    return f"{short.rstrip('._-') or 'photo'}{tail}"
