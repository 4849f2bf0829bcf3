"""What a file says of the photo that it shows, where it may say it anew."""

from __future__ import annotations

from collections.abc import Collection

from indexer.catalog.present_file import is_held
from indexer.catalog.records import IndexedPhoto, ReadPhoto


def describes(path: str, paths: Collection[str]) -> bool:
    """Whether a photo's row tells what its file at `path` says.

    It does if that showed the photo before, so that its metadata were edited, or if no other file
    of the photo is there. A copy, perhaps stripped of its date, changes nothing.

    Args:
        path: file that shows the photo now.
        paths: files that are known to show it.
    """
    return path in paths or not any(is_held(other) for other in paths)


def description(photo: IndexedPhoto | ReadPhoto) -> dict[str, object]:
    """Values of columns of `photos` that the file tells."""
    header = photo.header
    values: dict[str, object] = {
        "content_hash": photo.content_hash,
        "format": header.format,
        "orientation": header.orientation,
        "taken_at": header.taken_at,
        "taken_offset": header.taken_offset,
        "taken_source": header.taken_source,
        "camera": header.camera,
        "latitude": header.latitude,
        "longitude": header.longitude,
    }
    if photo.pixel_digest is not None:
        values["pixel_digest"] = photo.pixel_digest
    return values
