"""The thumbnail of a photo: as it is kept, or made anew."""

from __future__ import annotations

from pathlib import Path

from indexer.catalog.records import PhotoRow
from indexer.thumbnails.store import Thumbnails
from model.errors import PhotoChanged, StorageError, shown
from model.photos.images import DEFAULT_MAX_MEGAPIXELS, read_photo
from model.photos.thumbnail import SIDE, thumbnail_jpeg


def thumbnail(folder: Path, photo: PhotoRow) -> bytes:
    """JPEG file of an upright photo of an index, its longer side at most 256 pixels.

    One that is not kept, or is damaged, is made of the photo's file and kept, where the folder
    may be written to; no lock is needed. Threads and processes may call it side by side.

    Args:
        folder: index folder.
        photo: row of its catalog.

    Raises:
        PhotoChanged: the file shows another photo now than the index knows.
        PhotoError: the photo is needed, and cannot be read.
    """
    kept = Thumbnails(folder)
    found = kept.get(photo.content_hash)
    if found is None:
        found = _made(photo)
        try:
            kept.keep([(photo.content_hash, found)])
        except StorageError:  # made again when it is asked for again
            return found
    return found


def _made(photo: PhotoRow) -> bytes:
    known = photo.size[0] * photo.size[1] / 1e6  # the limit may have been a higher one
    most = max(DEFAULT_MAX_MEGAPIXELS, known)
    read = read_photo(photo.path, max_side=2 * SIDE, max_megapixels=most)
    if read.content_hash != photo.content_hash:
        raise PhotoChanged(
            f"{shown(photo.path)} is not the photo that was indexed", "index its folder again"
        )
    return thumbnail_jpeg(read.image)
