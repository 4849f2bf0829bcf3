"""Store: the file system behind a URL, as fsspec opens it, and one object of it as a file."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from blake3 import blake3

from model.errors import ExtraMissing, PhotoTooLarge, shown
from model.stores.failures import ShortAnswer, asked
from model.stores.urls import parts as parts_of

LONGEST_OBJECT = 512 << 20
"""Bytes of an object that is read whole: it is held in memory."""
_PIECE = 16 << 20  # bytes asked for at once, and again where they do not all come
_BLOCK = 64 << 10  # bytes of a range, where only a header is wanted
_MOST_BLOCKS = 64
_CONNECT_SECONDS, _READ_SECONDS = 10, 30
# what tells one content of an object from the next, the surest first
_TELLING = (
    "ETag", "etag", "generation", "md5Hash", "content_md5", "mtime", "LastModified",
    "last_modified", "updated", "created",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Object of a store, as the store tells of it.

    Attributes:
        url: its URL.
        size: bytes.
        stamp: 63 bits of a digest of its ETag or, where the store has none, of what else changes
            with its content; 0 where nothing does.
    """

    url: str
    size: int
    stamp: int


def stamp_of(details: Mapping[str, Any]) -> int:
    """Stamp of an object, from what a store tells of it."""
    for name in _TELLING:
        if told := details.get(name):
            text = str(told).strip('"')
            return int.from_bytes(blake3(f"{name.lower()}={text}".encode()).digest(8), "big") >> 1
    return 0


def store_of(url: str) -> Any:
    """The fsspec file system that a URL names, one a process, its credentials the usual ones.

    Raises:
        ExtraMissing: fsspec, or what it needs for this store, is not installed.
    """
    return _opened(parts_of(url)[0], os.getpid())  # connections do not survive a fork


@cache
def _opened(protocol: str, _process: int) -> Any:
    try:
        import fsspec
        import tenacity  # noqa: F401, of the same extra

        kind = fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise ExtraMissing(
            f"reading from {protocol}:// needs a package that is not here ({shown(error)})",
            "install segsearch[cloud]",
        ) from error
    arguments: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if protocol == "s3":
        said = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        said = json.loads(said) if isinstance(said, str) else said
        ours = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS}
        # `asked` asks again: three layers that each do would take minutes for one answer
        arguments["config_kwargs"] = ours | said | {"retries": {"total_max_attempts": 1}}
    if protocol == "gs":  # gcsfs logs its own tries; what they come to is told in a line
        logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    opened = kind(**arguments)
    if protocol == "s3":
        opened.retries = 1
    return opened


def status(url: str) -> StoredObject:
    """What a store tells of an object that it is asked for.

    Raises:
        PhotoUnreadable: there is none.
        StoreRefuses: the store does not tell; BucketMissing where there is no bucket.
        StoreAway: the store does not answer.
    """
    store = store_of(url)
    protocol, bucket, key = parts_of(url)

    def question() -> StoredObject:
        if protocol == "s3":
            head = store.call_s3("head_object", Bucket=bucket, Key=key)
            return StoredObject(url, int(head["ContentLength"]), stamp_of(head))
        told = store.info(url)
        if told["type"] != "file":
            raise FileNotFoundError(url)
        return StoredObject(url, int(told["size"]), stamp_of(told))

    return asked(url, question)


class StoredFile(io.RawIOBase):
    """Object of a store as a file: read by ranges, the last ones of which stay, or whole.

    Args:
        url: URL of the object.

    Attributes:
        name: URL of the object.
        object: state that the store told when it was opened. S3 is asked for that content alone.

    Raises:
        PhotoUnreadable: there is none.
        PhotoChanged: from any read, where the store has another content now.
        StoreRefuses, StoreAway: the cases of `status`, from any read, too.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.name = url
        store = store_of(url)
        self._handle = asked(url, lambda: store.open(url, "rb", cache_type="none"))
        details = getattr(self._handle, "details", None)
        if not isinstance(details, Mapping):
            details = asked(url, lambda: store.info(url))
        self.object = StoredObject(url, int(details["size"]), stamp_of(details))
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it has places to go to: always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, from the start, from here or from the end; returns it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.object.size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "a place before the beginning")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """The place that is read next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or the beginning of it, from what lies here; returns how many bytes."""
        some = self.read(len(buffer))
        buffer[: len(some)] = some
        return len(some)

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, fewer at the end alone; all that follow where no number is given."""
        rest = max(self.object.size - self._at, 0)
        left = rest if size is None or size < 0 else min(size, rest)
        parts = []
        while left:
            number, skipped = divmod(self._at, _BLOCK)
            some = self._block(number)[skipped : skipped + left]
            parts.append(some)
            self._at += len(some)
            left -= len(some)
        return b"".join(parts)

    def whole(self) -> bytes:
        """All bytes of the object, each asked for once.

        Raises:
            PhotoTooLarge: the bytes are more than `LONGEST_OBJECT`.
        """
        size = self.object.size
        if size > LONGEST_OBJECT:
            raise PhotoTooLarge(
                f"{shown(self.name)} has {size >> 20:,} MB, more than the {LONGEST_OBJECT >> 20}"
                " that are read from a store",
                "copy it to a disk and index it there",
            )
        starts = range(0, size, _PIECE)
        return b"".join([self._range(at, min(at + _PIECE, size)) for at in starts])

    def close(self) -> None:
        """Let go of the object."""
        self._handle.close()
        super().close()

    def _block(self, number: int) -> bytes:
        found = self._blocks.pop(number, None)
        if found is None:
            start = number * _BLOCK
            found = self._range(start, min(start + _BLOCK, self.object.size))
        self._blocks[number] = found
        if len(self._blocks) > _MOST_BLOCKS:
            self._blocks.popitem(last=False)
        return found

    def _range(self, start: int, end: int) -> bytes:
        def question() -> bytes:
            self._handle.seek(start)
            some = bytes(self._handle.read(end - start))
            if len(some) != end - start:
                raise ShortAnswer(f"{len(some):,} bytes came of {end - start:,}")
            return some

        return asked(self.name, question)
