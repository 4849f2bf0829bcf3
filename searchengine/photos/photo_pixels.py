"""Pixels of photos that answer, read only from bytes that are still those that were indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.records import FileStamp, PhotoRow
from model.errors import PhotoChanged, PhotoError, PhotoUnreachable, shown
from model.photos.files import FileState, settled_file, state_of
from model.photos.images import Image, content_hash, read_header, read_image
from model.stores.urls import is_url

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
    """Path or URL of the first of the photo's files that is still as it was indexed.

    Raises:
        PhotoError: there is none.
    """

    def attempt(path: str, stamp: FileStamp | None) -> str:
        _refuse_changed(path, stamp, photo)
        return path

    return _first_allowing(photo, attempt)


def is_missing(photo: PhotoRow) -> bool:
    """Whether no file of a photo is there any more; a store is not asked, and counts as there."""
    return not any(is_url(path) or Path(path).exists() for path in photo.files)


def _from_a_file(photo: PhotoRow, deed: Callable[[str | BinaryIO], Result]) -> Result:
    """The deed's result for the first of a photo's files that allows it, as it was indexed."""

    def attempt(path: str, stamp: FileStamp | None) -> Result:
        if is_url(path):
            with _unchanged_object(photo, path, stamp) as file:
                return deed(file)
        _refuse_changed(path, stamp, photo)
        return deed(path)

    return _first_allowing(photo, attempt)


def _first_allowing(photo: PhotoRow, attempt: Callable[[str, FileStamp | None], Result]) -> Result:
    """What the first of a photo's files that allows it gives; raises what the first of them raised
    where there is none."""
    stamps = {stamp.path: stamp for stamp in photo.stamps}
    refused: PhotoError | None = None
    for path in (photo.path, *(path for path in photo.files if path != photo.path)):
        try:
            return attempt(path, stamps.get(path))
        except PhotoError as error:
            refused = refused or error
    assert refused is not None
    raise refused


@contextmanager
def _unchanged_object(photo: PhotoRow, url: str, stamp: FileStamp | None) -> Iterator[BinaryIO]:
    """The bytes of an object of a store, fetched once, which are those that were indexed."""
    with settled_file(url) as (file, _, now):
        if _is_other(stamp, now) and content_hash(file) != photo.content_hash:
            raise _changed(url)
        _refuse_size(file, url, photo)
        yield file


def _is_other(stamp: FileStamp | None, now: FileState) -> bool:
    return stamp is None or (stamp.size, stamp.mtime_ns) != now


def _read(source: str | BinaryIO) -> bytes:
    if not isinstance(source, str):
        source.seek(0)
        return source.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise PhotoUnreachable(
            f"{shown(source)} cannot be read ({error.strerror})",
            "look at the disk, then try again",
        ) from error


def _refuse_changed(path: str, stamp: FileStamp | None, photo: PhotoRow) -> None:
    try:
        now = state_of(path)
    except PhotoUnreachable:
        return  # told by whoever reads it
    if now is None:
        raise PhotoChanged(
            f"{shown(path)} has vanished", "restore it, or index its folder again with `prune=True`"
        )
    if _is_other(stamp, now):
        other_size = stamp is not None and stamp.size != now.size
        if other_size or content_hash(path) != photo.content_hash:
            raise _changed(path)
    _refuse_size(path, path, photo)


def _refuse_size(source: str | BinaryIO, path: str, photo: PhotoRow) -> None:
    size = read_header(source, max_megapixels=float("inf")).size
    if size != photo.size:
        raise PhotoChanged(
            f"{shown(path)} is {size[1]}×{size[0]} pixels now, the index knows"
            f" {photo.size[1]}×{photo.size[0]}",
            "index its folder again",
        )


def _changed(path: str) -> PhotoChanged:
    return PhotoChanged(f"{shown(path)} has changed since it was indexed", "index its folder again")
