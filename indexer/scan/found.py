"""What a walk through places finds, and how a file is told to be a photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from indexer.catalog.records import FileStamp
from model.errors import PhotoError
from model.photos.files import photo_file
from model.photos.formats import PREFIX_BYTES, can_decode, photo_format


@dataclass(frozen=True, slots=True)
class FoundUnsupported:
    """A picture or film that is recognised by its suffix (lower-case, with dot) but not read."""

    path: str
    suffix: str


@dataclass(frozen=True, slots=True)
class FoundUnreadable:
    """A file or folder that cannot be looked at, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundPassedOver:
    """A folder, or a file with a picture's suffix, that is no part of a collection, and why."""

    path: str
    reason: str


FoundPhoto: TypeAlias = FileStamp
Found: TypeAlias = FoundPhoto | FoundUnsupported | FoundUnreadable | FoundPassedOver


def suffix_of(name: str) -> str:
    """Suffix of a file's name, lower-case, with its dot; "" where it has none."""
    stem, dot, suffix = name.rpartition(".")
    return dot + suffix.lower() if stem else ""


def holds_photo(path: str) -> bool:
    """Whether the first bytes of a file, or object of a store, are those of a photo."""
    try:
        with photo_file(path, whole=False) as (file, _):
            kind = photo_format(file.read(PREFIX_BYTES), path)
    except (OSError, PhotoError):
        return False
    return kind is not None and can_decode(kind)
