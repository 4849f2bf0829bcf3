"""Pictures as the bytes of a file, with the mark by which an index passes over them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from indexer.scan.own_output import SOFTWARE
from model.errors import OutputUnusable, shown

LONGEST_JPEG = 65_535  # pixels of a side
ENCODERS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def png(pixels: NDArray[np.uint8] | Image.Image) -> bytes:
    """H×W (grey), H×W×4 (RGBA) or a picture as a PNG file."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    mark = PngInfo()
    mark.add_text("Software", SOFTWARE)
    file = io.BytesIO()
    picture.save(file, "PNG", pnginfo=mark)
    return file.getvalue()


def jpeg(picture: Image.Image) -> bytes:
    """A picture as a JPEG file, its thin coloured lines kept crisp."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90, subsampling=0, comment=SOFTWARE)
    return file.getvalue()


def encoded(picture: Image.Image, path: Path) -> bytes:
    """A picture in the format that a path's suffix names.

    Raises:
        OutputUnusable: the suffix names no format that pictures are written in.
    """
    return jpeg(picture) if format_of(path) == "JPEG" else png(picture)


def format_of(path: Path) -> str:
    """The format that a path's suffix names, "PNG" or "JPEG".

    Raises:
        OutputUnusable: the suffix names neither.
    """
    try:
        return ENCODERS[path.suffix.lower()]
    except KeyError:
        raise OutputUnusable(
            f"{shown(path)[-200:]} names no format that pictures are written in",
            f"end the name in {', '.join(ENCODERS)}",
        ) from None
