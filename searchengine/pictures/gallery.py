"""Galleries: answers as one HTML file, to be sent to somebody who has no segsearch.

Its pictures are in it, nothing is fetched, and no script runs.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from PIL import Image

from model.errors import OutputUnusable, PhotoError, shown
from model.percent_sure import percent_sure
from searchengine.matches.match import CONFIDENT, Match
from searchengine.matches.matches import Matches
from searchengine.output_files import refuse_place, write
from searchengine.pictures.contact_sheet import PICTURE, picture_of

SUFFIXES = (".html", ".htm")
QUALITY = 82  # of a JPEG
MARK = "<!-- drawn by segsearch -->"


def gallery(
    answers: Sequence[Matches], path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a page that shows the matches of each query with their masks.

    Args:
        answers: one to a query, in the order of the page.
        path: file to write; its name ends in .html. An older gallery is replaced.
        overwrite: replace a file that is no gallery of segsearch's, too.

    Raises:
        OutputUnusable: the path is a folder, a device, or does not end in .html.
        ExportError: another file is there, or it cannot be written.
        StorageFull: the disk is full.
    """
    place = Path(path)
    check_gallery(place, overwrite=overwrite)
    template = files("searchengine.pictures").joinpath("gallery.html").read_text(encoding="utf-8")
    title = ", ".join(filter(None, (answer.query for answer in answers))) or "segsearch"
    page = Template(template).substitute(
        title=escape(shown(title)), answers="\n".join(map(_section, answers))
    )
    write(place, f"{page}{MARK}\n".encode("utf-8", "backslashreplace"))
    return place


def check_gallery(path: Path, *, overwrite: bool = False) -> None:
    """Refuse what a gallery cannot be written to; see `gallery` for the errors."""
    if path.suffix.lower() not in SUFFIXES:
        raise OutputUnusable(f"{shown(path)[-200:]} is no name for a page", "end it in .html")
    refuse_place(path, overwrite=overwrite or _is_own(path))


def _is_own(path: Path) -> bool:
    """Whether a file is a gallery."""
    try:
        with path.open("rb") as file:
            file.seek(-min(len(MARK) + 1, path.stat().st_size), os.SEEK_END)
            return file.read().strip() == MARK.encode()
    except OSError:
        return False


def _section(answer: Matches) -> str:
    words = answer.query.strip() or "similar to the example"
    told = [f"{len(answer)} matches"]
    if len(answer) and answer[0].confidence is not None and not answer.confident:
        told.append("no confident match: the nearest are shown")
    told += answer.notes
    tiles = "\n".join(map(_figure, answer))
    return (
        f"<section><h1>{escape(shown(words))}</h1><p>{escape(shown(' · '.join(told)))}</p>"
        f'<div class="tiles">\n{tiles}\n</div></section>'
    )


def _figure(match: Match) -> str:
    name = escape(shown(Path(match.photo.path).name))
    parts = [f"<b>{match.rank}</b>"]
    doubtful = match.confidence is not None and match.confidence < CONFIDENT
    if match.confidence is not None:
        parts.append(f"{percent_sure(match.confidence)} sure")
    if match.photo.taken_at is not None:
        parts.append(f"{match.photo.taken_at:%Y-%m-%d}")
    told = f"<figcaption>{' · '.join(parts)}<br>{name}</figcaption>"
    try:
        picture = picture_of(match)
    except PhotoError as error:
        return f"<figure>{told}<figcaption>{escape(shown(error.what))}</figcaption></figure>"
    size = f'width="{PICTURE[0]}" height="{PICTURE[1]}"'
    mark = ' class="doubtful"' if doubtful else ""
    return f'<figure{mark}><img src="{_data(picture)}" {size} alt="{name}">{told}</figure>'


def _data(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
