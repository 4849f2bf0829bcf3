"""A file of vectors with a seal at its end, written whole or not at all.

Layout: body, JSON of the seal (UTF-8), its blake3 digest, its length (4 bytes, little endian),
`MAGIC`. The body is the affair of whoever writes it; it starts the file, so that it can be mapped
into memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from indexer.catalog.records import Watermark
from model.atomic_files import flush
from model.errors import IndexDamaged, shown

FAMILY = b"segvec"
MAGIC = FAMILY + b"02"
_LONGEST_SEAL = 1 << 16
_PIECE = 1 << 24


class CacheOutdated(IndexDamaged):
    """A file of vectors as an older segsearch laid it out: nothing is wrong, it is made anew."""


@dataclass(frozen=True)
class CacheOrigin:
    """Origin of a file of vectors.

    Attributes:
        watermark: state of the catalog.
        space: fingerprint of the embedding space.
        dimension: components of a vector.
        count: number of vectors.
        kind: layout of the vectors in the body.
    """

    watermark: Watermark
    space: str
    dimension: int
    count: int
    kind: str


@dataclass(frozen=True)
class _Seal:
    origin: CacheOrigin
    length: int
    digest: str


def write_sealed(
    path: Path, body: Callable[[Callable[[bytes], object]], None], origin: CacheOrigin
) -> None:
    """Write `path` beside itself, bring it to the disk, then put it in place.

    Only one process may do so at a time. What a killed one left behind is overwritten.

    Args:
        path: the file.
        body: function called with one that takes the next bytes of the body.
        origin: origin to write into the seal.

    Raises:
        OSError: writing failed; the file is as it was and nothing lies beside it.
    """
    unfinished = unfinished_path(path)
    try:
        with unfinished.open("w+b") as file:
            digest = blake3()

            def write(piece: bytes) -> None:
                digest.update(piece)
                file.write(piece)

            body(write)
            file.flush()
            length = file.tell()
            text = json.dumps(asdict(_Seal(origin, length, digest.hexdigest()))).encode()
            file.seek(0, os.SEEK_END)
            file.write(text + blake3(text).digest() + len(text).to_bytes(4, "little") + MAGIC)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    flush(path.parent)


def unfinished_path(path: Path) -> Path:
    """Path where `path` grows until it is whole."""
    return path.with_name(path.name + ".unfinished")


def read_origin(path: Path, *, whole: bool = False) -> CacheOrigin:
    """Origin of a sealed file.

    Args:
        path: the file.
        whole: read all of the body and compare its digest; otherwise only its length.

    Raises:
        FileNotFoundError: there is none.
        CacheOutdated: an older segsearch wrote it.
        IndexDamaged: the file is not as it was written, or is no sealed file.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        tail = 32 + 4 + len(MAGIC)
        file.seek(max(0, size - tail))
        end = file.read()
        length = int.from_bytes(end[32:36], "little")
        if end[36:] != MAGIC and end[36:].startswith(FAMILY):
            raise CacheOutdated(f"{shown(path)} is of another version of segsearch")
        if end[36:] != MAGIC or length > min(_LONGEST_SEAL, size - tail):
            raise IndexDamaged(f"{shown(path)} is cut short or no file of vectors")
        file.seek(size - tail - length)
        text = file.read(length)
        damaged = IndexDamaged(f"{shown(path)} is not as it was written")
        if blake3(text).digest() != end[:32]:
            raise damaged
        try:
            fields = json.loads(text)
            origin = fields.pop("origin")
            origin["watermark"] = Watermark(*origin["watermark"])
            seal = _Seal(CacheOrigin(**origin), **fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise IndexDamaged(f"{shown(path)} has a seal that is not understood") from error
        if seal.length != size - tail - length:
            raise damaged
        if whole and seal.digest != _digest(file, seal.length):
            raise damaged
    return seal.origin


def _digest(file: BinaryIO, length: int) -> str:
    digest = blake3()  # one thread: a forked process has lost a pool's others
    file.seek(0)
    while length > 0 and (piece := file.read(min(length, _PIECE))):
        digest.update(piece)
        length -= len(piece)
    return digest.hexdigest()
