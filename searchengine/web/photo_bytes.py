"""Photos as a browser shows them: thumbnails as the index keeps them, larger and full ones."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from pathlib import Path

from PIL import Image as PillowImage

from indexer.catalog.records import PhotoRow
from indexer.scan.own_output import SOFTWARE
from indexer.thumbnails.thumbnail import thumbnail
from model.photos.thumbnail import SIDE
from model.stores.urls import is_url
from searchengine.photos.photo_pixels import bytes_of, image_of, unchanged_file

KEPT_BYTES = 64 << 20
QUALITY = 82
FULL_QUALITY = 92
SHOWN_AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


class RecentThumbnails:
    """Small JPEGs of photos, the last ones kept in memory; threads may share one.

    Args:
        folder: index folder, which holds thumbnails, too.
        kept_bytes: bytes that are kept in memory.
    """

    def __init__(self, folder: Path, kept_bytes: int = KEPT_BYTES) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._most = kept_bytes
        self._held = 0
        self._kept: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()

    def of(self, photo: PhotoRow, side: int) -> bytes:
        """The photo as a JPEG whose longer side has at most so many pixels.

        Raises:
            PhotoError: the photo cannot be read any more, or is not what was indexed.
        """
        key = photo.content_hash, side
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        if side == SIDE:
            content = thumbnail(self._folder, photo)
        else:
            content = upright_jpeg(photo, side, QUALITY)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = content
                self._held += len(content)
            while self._held > self._most and len(self._kept) > 1:
                self._held -= len(self._kept.popitem(last=False)[1])
        return content


def upright_jpeg(photo: PhotoRow, side: int | None = None, quality: int = FULL_QUALITY) -> bytes:
    """The upright photo as a JPEG file, reduced to a longer side of `side` pixels if given.

    Raises:
        PhotoError: the photo cannot be read any more, or is not what was indexed.
    """
    pixels = image_of(photo, max_side=side).pixels
    file = io.BytesIO()
    picture = PillowImage.fromarray(pixels)
    picture.save(file, "JPEG", quality=quality, comment=SOFTWARE)
    return file.getvalue()


def file_as_it_is(photo: PhotoRow) -> tuple[str | bytes, str] | None:
    """Path and content type of a photo's file, where a browser shows it upright as it is; what
    lies in a store is fetched.

    Raises:
        PhotoError: the photo cannot be read any more, or is not what was indexed.
    """
    content_type = SHOWN_AS_THEY_ARE.get(photo.format)
    if content_type is None or photo.orientation != 1:
        return None
    path = photo.path if is_url(photo.path) else unchanged_file(photo)
    return bytes_of(photo) if is_url(path) else path, content_type
