"""Pixels of photos that answer, read only from bytes that are still those that were indexed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.records import FileStamp, PhotoRow
from model.errors import PhotoChanged, PhotoError, PhotoUnreachable, shown
from model.photos.images import Image, content_hash, read_header, read_image

Result = TypeVar("Result")


def pixels_of(photo: PhotoRow) -> NDArray[np.uint8]:
    """The upright photo, H×W×3 uint8 sRGB, as large as the index says.

    Raises:
        PhotoError: no file of it can be read any more, or holds what was indexed.
    """
    return image_of(photo).pixels


def image_of(photo: PhotoRow, max_side: int | None = None) -> Image:
    """The upright photo, from the first of its files that is still as it was indexed.

    Size and time of a file are compared first, and where they differ its content, both before
    anything is decoded.

    Args:
        photo: photo of the index.
        max_side: the longer side of the result has at most so many pixels; None: full size.

    Raises:
        PhotoChanged: its files are gone, or others have taken their place.
        PhotoError: the photo cannot be read any more.
    """
    # it is the photo that was taken in: the limit that it met then is no longer known
    read = partial(read_image, max_side=max_side, of_size=photo.size, max_megapixels=float("inf"))
    return _from_a_file(photo, read)


def bytes_of(photo: PhotoRow) -> bytes:
    """The file of a photo, from the first of its files that is still as it was indexed.

    Raises:
        PhotoError: no file of it can be read any more, or holds what was indexed.
    """
    return _from_a_file(photo, _read)


def require_unchanged(photo: PhotoRow) -> None:
    """Raise PhotoError unless one of the photo's files is still as it was indexed."""
    unchanged_file(photo)


def unchanged_file(photo: PhotoRow) -> str:
    """Path of the first of the photo's files that is still as it was indexed.

    Raises:
        PhotoError: there is none.
    """
    return _from_a_file(photo, str)


def is_missing(photo: PhotoRow) -> bool:
    """Whether no file of a photo is there any more."""
    return not any(Path(path).exists() for path in photo.files)


def _from_a_file(photo: PhotoRow, deed: Callable[[str], Result]) -> Result:
    """The deed's result for the first of a photo's files that is as it was indexed and allows it;
    raises what the first of them raised where there is none."""
    stamps = {stamp.path: stamp for stamp in photo.stamps}
    refused: PhotoError | None = None
    for path in (photo.path, *(path for path in photo.files if path != photo.path)):
        try:
            _refuse_changed(path, stamps.get(path), photo)
            return deed(path)
        except PhotoError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise PhotoUnreachable(
            f"{shown(path)} cannot be read ({error.strerror})", "look at the disk, then try again"
        ) from error


def _refuse_changed(path: str, stamp: FileStamp | None, photo: PhotoRow) -> None:
    try:
        now = Path(path).stat()
    except FileNotFoundError as error:
        raise PhotoChanged(
            f"{shown(path)} has vanished", "restore it, or index its folder again with `prune=True`"
        ) from error
    except OSError:
        return  # told by whoever reads it
    if stamp is None or (stamp.size, stamp.mtime_ns) != (now.st_size, now.st_mtime_ns):
        other_size = stamp is not None and stamp.size != now.st_size
        if other_size or content_hash(path) != photo.content_hash:
            raise PhotoChanged(
                f"{shown(path)} has changed since it was indexed", "index its folder again"
            )
    size = read_header(path, max_megapixels=float("inf")).size
    if size != photo.size:
        raise PhotoChanged(
            f"{shown(path)} is {size[1]}×{size[0]} pixels now, the index knows"
            f" {photo.size[1]}×{photo.size[0]}",
            "index its folder again",
        )
