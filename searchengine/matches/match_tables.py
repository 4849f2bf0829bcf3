"""Matches as the tables and data types of other packages, and as a page of a notebook."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from model.errors import ExtraMissing, shown
from model.masks.polygons import outlines

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 220  # pixels of a picture's longer side in a notebook
STYLE = (
    "display:inline-block;vertical-align:top;margin:4px;width:220px;font:12px/1.4 sans-serif;"
    "overflow-wrap:anywhere"
)


def data_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """A `pandas.DataFrame` with a row a match.

    Raises:
        ExtraMissing: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ExtraMissing("pandas is not installed", "install segsearch[tables]") from error
    return pandas.DataFrame(list(rows), columns=list(columns))


@dataclass(frozen=True, eq=False)
class Detection:
    """One mask of a photo, as `supervision` has it.

    Attributes:
        box: XYXY, pixels of the upright photo.
        mask: H×W.
        confidence: probability; nan where there is none.
        label: class of the mask.
        segment_id: id of the segment.
    """

    box: tuple[int, int, int, int]
    mask: NDArray[np.bool_]
    confidence: float
    label: str
    segment_id: int


def detections(of_photo: Sequence[Detection], labels: Sequence[str]) -> Any:
    """The masks of one photo as `supervision.Detections`.

    Args:
        of_photo: N masks of one size.
        labels: names of the classes; their places are the `class_id`.

    Raises:
        ExtraMissing: supervision is not installed.
    """
    try:
        supervision = import_module("supervision")  # of `peers`, which tests do without
    except ImportError as error:
        raise ExtraMissing("supervision is not installed", "pip install supervision") from error
    return supervision.Detections(
        xyxy=np.array([each.box for each in of_photo], np.float32).reshape(-1, 4),
        mask=np.stack([each.mask for each in of_photo]),
        confidence=np.array([each.confidence for each in of_photo], np.float32),
        class_id=np.array([labels.index(each.label) for each in of_photo], np.int64),
        data={
            "class_name": np.array([each.label for each in of_photo]),
            "segment_id": np.array([each.segment_id for each in of_photo], np.int64),
        },
    )


@dataclass(frozen=True, eq=False)
class Shown:
    """One match on a page.

    Attributes:
        jpeg: JPEG file of the photo, small; None where it cannot be read.
        mask: H×W, in any frame of the photo.
        lines: lines below the picture.
    """

    jpeg: bytes | None
    mask: NDArray[np.bool_]
    lines: Sequence[str]


def html_page(title: str, some: Iterable[Shown], more: int = 0) -> str:
    """A piece of HTML with the matches' photos and outlines; nothing is fetched, no script runs.

    Args:
        title: line above them.
        some: the matches that are shown.
        more: number of those that are not.
    """
    rest = f"<p>and {more:,} more</p>" if more else ""
    return f"<p><b>{_text(title)}</b></p>{''.join(map(_figure, some))}{rest}"


def _figure(match: Shown) -> str:
    height, width = match.mask.shape
    share = SIDE / max(height, width)
    size = f'width="{round(width * share)}" height="{round(height * share)}"'
    picture = ""
    if match.jpeg is not None:
        data = base64.b64encode(match.jpeg).decode("ascii")
        picture = (
            f'<image href="data:image/jpeg;base64,{data}" width="{width}" height="{height}"'
            ' preserveAspectRatio="none"/>'
        )
    rings = (
        "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in ring) + "Z" for ring in outlines(match.mask)
    )
    line = 2 / share
    drawn = (
        f'<path d="{" ".join(rings)}" fill="#ffd21f40" fill-rule="evenodd" stroke="#ffd21f"'
        f' stroke-width="{line:.2f}"/>'
    )
    told = "<br>".join(map(_text, match.lines))
    return (
        f'<div style="{STYLE}"><svg viewBox="0 0 {width} {height}" {size}>{picture}{drawn}</svg>'
        f"<br>{told}</div>"
    )


def _text(line: str) -> str:
    return escape(shown(line))
