"""TIFF: the page that is the photo, and what its tags say of its samples. (TIFF 6.0, section 8.)"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from PIL import TiffImagePlugin

from model.photos.containers.parts import FileUnsound, PhotoParts
from model.photos.containers.spliced_file import Stretch, spliced

_EXIF, _GPS = 34665, 34853
_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _SUB_IFDS, _XMP, _ICC = 254, 255, 330, 700, 34675
_REDUCED, _MASK = 1, 4  # bits of the subfile's type
_OLD_REDUCED = 2
_DNG_VERSION = 50706
_PLACES = ((273, 279), (324, 325), (513, 514))  # of strips, of tiles, of a JPEG: offsets, lengths
_MOST_PAGES = 64  # that are looked at for one that is neither a thumbnail nor a mask


@dataclass(frozen=True)
class TiffParts(PhotoParts):
    """Pixels and metadata of a TIFF.

    Attributes:
        tags: tags of the photo's page, which is the first one of `pixels`.
        first_tags: tags of the file's first page, where cameras keep names and times.
        details: EXIF of the page, else of the first one.
        place: GPS of the page, else of the first one.
    """

    tags: Mapping[int, Any] = field(default_factory=dict)
    first_tags: Mapping[int, Any] = field(default_factory=dict)
    details: Mapping[int, Any] = field(default_factory=dict)
    place: Mapping[int, Any] = field(default_factory=dict)


def tiff_parts(file: BinaryIO) -> TiffParts:
    """Pixels and metadata of a TIFF: of its first page that is no thumbnail and no mask.

    Args:
        file: seekable file.

    Raises:
        FileUnsound: the file has no page.
    """
    file.seek(0)
    head = file.read(16)
    big = head[2:3] == b"+" or head[3:4] == b"+"
    order = "<" if head[:1] == b"I" else ">"
    head = head[: 16 if big else 8]
    pages = _chain(file, head)
    if not pages:
        raise FileUnsound("it has no page")
    first = pages[0][1]
    # Cameras and scanners keep the photo beneath its thumbnail.
    in_order = [page for above in pages for page in (above, *_beneath(file, head, above[1]))]
    chosen = next((page for page in in_order if _is_whole(page[1])), pages[0])
    pixels = file
    if chosen is not pages[0]:
        start = struct.pack(order + ("Q" if big else "I"), chosen[0])
        before = 8 if big else 4
        rest = file.seek(0, os.SEEK_END) - before - len(start)
        pixels = spliced(file, [head[:before], start, Stretch(before + len(start), rest)])
    return TiffParts(
        pixels=pixels,
        xmp=_bytes(chosen[1].get(_XMP)) or _bytes(first.get(_XMP)),
        icc=_bytes(chosen[1].get(_ICC)),
        tags=chosen[1],
        first_tags=first,
        details=_linked(file, head, _EXIF, chosen[1], first),
        place=_linked(file, head, _GPS, chosen[1], first),
    )


def is_cut_short(file: BinaryIO) -> bool:
    """Whether pixels lie behind the end of a camera's file that is laid out as a TIFF.

    DNG says of all of them where they end; of others that say it wrongly only the beginnings count.

    Args:
        file: seekable file.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(8)
    pages = _chain(file, head)
    is_dng = any(_DNG_VERSION in tags for _, tags in pages)
    for _, tags in [each for above in pages for each in (above, *_beneath(file, head, above[1]))]:
        for offsets, counts in _PLACES:
            starts, lengths = _numbers(tags.get(offsets)), _numbers(tags.get(counts))
            if any(start >= size for start in starts):
                return True
            if is_dng and any(sum(each) > size for each in zip(starts, lengths, strict=False)):
                return True
    return False


def _chain(
    file: BinaryIO, head: bytes, start: int | None = None, *, of_pixels: bool = True
) -> list[tuple[int, TiffImagePlugin.ImageFileDirectory_v2]]:
    """Place and tags of the pages from one on, as far as they can be read."""
    pages: list[tuple[int, TiffImagePlugin.ImageFileDirectory_v2]] = []
    seen: set[int] = set()
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        at = tags.next if start is None else start
        while at and at not in seen and len(pages) < _MOST_PAGES:
            seen.add(at)
            tags = TiffImagePlugin.ImageFileDirectory_v2(head)
            file.seek(at)
            tags.load(file)
            if of_pixels and 256 not in tags:  # no width: no page
                break
            pages.append((at, tags))
            at = tags.next
    except OSError as error:
        if error.errno not in (None, 22):
            raise
    except Exception:  # damage, after which there are no more pages
        pass
    return pages


def _beneath(
    file: BinaryIO, head: bytes, tags: Mapping[int, Any]
) -> list[tuple[int, TiffImagePlugin.ImageFileDirectory_v2]]:
    starts = _numbers(tags.get(_SUB_IFDS))[:_MOST_PAGES]
    return [page for start in starts for page in _chain(file, head, start)[:1]]


def _linked(file: BinaryIO, head: bytes, tag: int, *pages: Mapping[int, Any]) -> Mapping[int, Any]:
    """The tags that a page points to by one tag; none where no page does."""
    for tags in pages:
        for start in _numbers(tags.get(tag)):
            for _, found in _chain(file, head, start, of_pixels=False)[:1]:
                return found
    return {}


def _is_whole(tags: Mapping[int, Any]) -> bool:
    kind = tags.get(_SUBFILE_TYPE)
    if isinstance(kind, int):
        return not kind & (_REDUCED | _MASK)
    return tags.get(_OLD_SUBFILE_TYPE) != _OLD_REDUCED


def _numbers(value: object) -> tuple[int, ...]:
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int) and number > 0)


def _bytes(value: object) -> bytes | None:
    if isinstance(value, tuple) and all(isinstance(v, int) and 0 <= v < 256 for v in value):
        return bytes(value)
    return value if isinstance(value, bytes) else None
