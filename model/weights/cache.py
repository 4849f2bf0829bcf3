"""The cache of weights: its folder, and the SHA-256 that is known of each file.

Hashing gigabytes at every start would take longer than loading them. So what was hashed once is
remembered with the file's size and time, and believed as long as both are as they were. Of a file
whose SHA-256 no preset names, the one that first came is remembered for good.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from model.atomic_files import replaced
from model.errors import StorageError
from model.weights.user_folders import user_folder

ENVIRONMENT = "SEGSEARCH_MODELS"
SMALL = 64 << 20  # bytes; hashed anew each time, in some 40 ms at the most


def cache_folder() -> Path:
    """Folder of downloaded weights: `SEGSEARCH_MODELS`, or `models` in the user's cache folder.

    Raises:
        StorageError: there is no such folder; this user has no home.
    """
    folder = user_folder("cache", ENVIRONMENT)
    return folder if os.environ.get(ENVIRONMENT) else folder / "models"


def sha256_of(path: Path) -> str:
    """Hex digest of a file's content, read now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Record:
    """Facts remembered of one file.

    Attributes:
        path: the file, absolute.
        sha256: hex digest of its content when it was hashed.
        size: bytes then.
        mtime_ns: its time then.
        url: address that the file was downloaded from; "" if it is the user's own.
    """

    path: str
    sha256: str
    size: int
    mtime_ns: int
    url: str = ""

    @classmethod
    def of(cls, path: Path, sha256: str, url: str = "") -> Record:
        """A record of the file as it is now."""
        state = path.stat()
        return cls(str(path.absolute()), sha256, state.st_size, state.st_mtime_ns, url)

    def describes(self, path: Path) -> bool:
        """Whether the file's size and time are still those."""
        state = path.stat()
        return (state.st_size, state.st_mtime_ns) == (self.size, self.mtime_ns)

    def store(self) -> None:
        """Write it, all or nothing.

        Raises:
            OSError: the cache cannot be written to.
        """
        place = _place(Path(self.path))
        place.parent.mkdir(parents=True, exist_ok=True)
        with replaced(place, flushed=False) as part:
            part.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


def record_of(path: Path) -> Record | None:
    """Record of a file; None if nothing is, or nothing that can be read."""
    with suppress(OSError, ValueError, TypeError, RecursionError, StorageError):
        return Record(**json.loads(_place(path).read_text(encoding="utf-8")))
    return None


def known_sha256(path: Path) -> str:
    """Hex digest of a file's content: remembered while size and time are the same, else read."""
    record = record_of(path)
    if record is not None and record.describes(path):
        return record.sha256
    actual = sha256_of(path)
    if path.stat().st_size <= SMALL:
        return actual
    with suppress(OSError, StorageError):  # a cache that is not writable costs time only
        if record is None or not record.url:
            Record.of(path, actual).store()
        elif record.sha256 == actual:
            replace(Record.of(path, actual), url=record.url).store()
    return actual


def _place(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
    return cache_folder() / "records" / f"{name}.json"
