"""Page of a curation's report: one HTML file, with its pictures in it; nothing is fetched."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image as PillowImage

from model.atomic_files import replaced
from model.curation.other_looks import Work
from model.curation.report import Report
from model.errors import CurationError, PhotoError, shown
from model.masks import rle
from model.masks.polygons import outlines

SIDE = 480  # pixels of a sample's longer side
QUALITY = 72  # of its JPEG
_HUES = 47  # degrees from one colour to the next


def write_report(report: Report, folder: Path) -> None:
    """Write `report.json` and `report.html`.

    Raises:
        CurationError: the folder cannot be written to.
    """
    text = json.dumps(report.to_dict(), indent=1, ensure_ascii=False)
    try:
        for name, content in (("report.json", text + "\n"), ("report.html", page(report))):
            with replaced(folder / name) as part:
                part.write_text(content, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise CurationError(
            f"{shown(folder)} cannot be written to ({error.strerror or shown(error)})",
            "make room, or name another folder",
        ) from error


def page(report: Report) -> str:
    """The page."""
    template = files("model.curation").joinpath("report.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        summary=_summary(report),
        counts=_table(("what", "number"), report.counts.items()),
        losses=_losses(report),
        aside=_aside(report),
        heads=_table(("head", "pairs"), report.heads),
        kinds=_table(("kind", "pairs"), report.kinds.items()),
        samples="\n".join(map(_sample, report.samples)),
    )


def _summary(report: Report) -> str:
    counts = report.counts
    return (
        f"{counts.get('pairs', 0):,} pairs of {counts.get('photos with pairs', 0):,} photos;"
        f" {counts.get('photos set aside', 0):,} of {counts.get('photos', 0):,} photos were set"
        " aside."
    )


def _losses(report: Report) -> str:
    rows = (
        (stage, reason, count, " · ".join(some))
        for stage, reasons in report.losses.items()
        for reason, (count, some) in sorted(reasons.items(), key=lambda item: -item[1][0])
    )
    return _table(("stage", "reason", "number", "as"), rows)


def _aside(report: Report) -> str:
    rows = (
        (stage, reason, count, " · ".join(some))
        for (stage, reason), (count, some) in report.set_aside.items()
    )
    return _table(("stage", "reason", "photos", "as"), rows)


def _sample(work: Work) -> str:
    """A photo with its captions, its phrases, its boxes, and its pairs drawn over it."""
    captions = [
        caption["text"]
        for name, data in work.outcomes.items()
        if name.startswith("captions")
        for caption in data["captions"]
    ]
    phrases = [_phrase(phrase) for phrase in work.outcomes["phrases"]["phrases"]]
    pairs = work.outcomes["pairs"]["pairs"]
    rows = (
        (_swatch(number), ", ".join(pair["texts"]), pair["kind"], f"{pair['score']:.2f}",
         ", ".join(pair["sources"]))
        for number, pair in enumerate(pairs)
    )  # fmt: skip
    boxes = [(box["phrase"]["head"], box["xyxy"], False) for box in work.outcomes["boxes"]["boxes"]]
    lost = [
        (f"{stage}: {what} ({reason})", box, True)
        for stage, data in work.outcomes.items()
        for what, reason, box in data["losses"]
    ]
    dropped = [text for text, _, _ in lost]
    placed = [*boxes, *(each for each in lost if each[1])]
    return (
        f'<article><h3>{escape(work.photo.name)}</h3><div class="views">'
        f"<figure>{_picture(work, pairs, ())}<figcaption>pairs</figcaption></figure>"
        f"<figure>{_picture(work, (), placed)}<figcaption>boxes; dashed ones were dropped"
        "</figcaption></figure></div>"
        f"<h4>captions</h4>{_list(captions)}<h4>phrases</h4>{_list(phrases)}"
        f"<h4>pairs</h4>{_table(('', 'texts', 'kind', 'score', 'sources'), rows, raw=1)}"
        f"<details><summary>{len(dropped)} dropped</summary>{_list(dropped)}</details></article>"
    )


def _phrase(phrase: dict[str, Any]) -> str:
    whole = f" — a part of {phrase['parent']}" if phrase["parent"] else ""
    grown = f" ({phrase['text']})" if phrase["text"] != phrase["head"] else ""
    return f"{phrase['head']}{grown}{whole}"


def _picture(
    work: Work,
    pairs: Sequence[dict[str, Any]],
    boxes: Sequence[tuple[str, Sequence[float] | None, bool]],
) -> str:
    """An SVG of the photo with masks or boxes; an empty frame where the photo is gone."""
    height, width = work.photo.size
    scale = SIDE / max(height, width)
    across, down = max(round(width * scale), 1), max(round(height * scale), 1)
    parts = [
        f'<svg viewBox="0 0 {across} {down}" width="{across}" height="{down}" role="img"'
        f' aria-label="{escape(work.photo.name)}">',
        _photo(work, across, down),
    ]
    for number, pair in enumerate(pairs):
        title = escape(", ".join(pair["texts"]))
        parts.append(
            f'<path class="mask" style="--hue:{number * _HUES % 360}"'
            f' d="{_path(pair, across, down)}"><title>{title}</title></path>'
        )
    for number, (text, xyxy, dropped) in enumerate(boxes):
        if xyxy is None:
            continue
        x0, y0, x1, y1 = xyxy
        parts.append(
            f'<rect class="{"dropped" if dropped else "box"}"'
            f' style="--hue:{number * _HUES % 360}" x="{x0 * across:.1f}" y="{y0 * down:.1f}"'
            f' width="{max(x1 - x0, 0) * across:.1f}" height="{max(y1 - y0, 0) * down:.1f}">'
            f"<title>{escape(text)}</title></rect>"
        )
    return "".join((*parts, "</svg>"))


def _photo(work: Work, across: int, down: int) -> str:
    try:
        pixels = work.photo.image.pixels
    except PhotoError:
        return f'<rect width="{across}" height="{down}" fill="#888"/>'
    small = PillowImage.fromarray(pixels).resize((across, down), PillowImage.Resampling.BOX)
    encoded = io.BytesIO()
    small.save(encoded, "JPEG", quality=QUALITY)
    data = base64.b64encode(encoded.getvalue()).decode("ascii")
    return f'<image href="data:image/jpeg;base64,{data}" width="{across}" height="{down}"/>'


def _path(pair: dict[str, Any], across: int, down: int) -> str:
    """Outlines of a pair's mask, in the picture's pixels."""
    height, width = pair["size"]
    counts = pair["counts"].encode("ascii")
    # contours are looked for in all that they are given, so within the mask's box alone
    left, top, right, bottom = rle.boxes((counts,), (height, width))[0].astype(int).tolist()
    mask = rle.decode_window(counts, (height, width), slice(top, bottom), slice(left, right))
    drawn = []
    for ring in outlines(mask, tolerance=max(height, width) / SIDE):
        points = " ".join(
            f"{(x + left) * across / width:.1f},{(y + top) * down / height:.1f}"
            for x, y in ring.tolist()
        )
        drawn.append(f"M{points}Z")
    return "".join(drawn)


def _swatch(number: int) -> str:
    return f'<span class="swatch" style="--hue:{number * _HUES % 360}"></span>'


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], raw: int = 0) -> str:
    """A table; the first `raw` cells of a row are HTML already."""
    body = ""
    for row in rows:
        cells = [str(cell) for cell in row[:raw]]
        cells += [escape(f"{c:,}" if isinstance(c, int) else str(c)) for c in row[raw:]]
        body += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    if not body:
        return "<p>none</p>"
    named = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><thead><tr>{named}</tr></thead><tbody>{body}</tbody></table>"
