"""A file of vectors with a seal at its end, written whole or not at all.

Layout: body, JSON of the seal (UTF-8), its blake3 digest, its length (4 bytes, little endian),
`MAGIC`. The body is
the affair of whoever writes it; it starts the file, so that it can be mapped into memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from model.atomic_files import flush
from model.errors import IndexDamaged, shown

MAGIC = b"segvec01"
_PAGE = 4096
_LONGEST_SEAL = 1 << 16


@dataclass(frozen=True)
class CacheOrigin:
    """What a file of vectors was made from.

    Attributes:
        generation: of the catalog.
        space: fingerprint of the embedding space.
        dimension: of the vectors.
        count: how many there are.
        kind: how the body holds them.
        schema: version of the catalog's schema, which decides how it rounds vectors.
    """

    generation: int
    space: str
    dimension: int
    count: int
    kind: str
    schema: int = 1


@dataclass(frozen=True)
class _Seal:
    origin: CacheOrigin
    length: int
    digest: str
    edges: str


def write_sealed(
    path: Path, body: Callable[[Callable[[bytes], object]], None], origin: CacheOrigin
) -> None:
    """Write `path` beside itself, bring it to the disk, then put it in place.

    Only one process may do so at a time. What a killed one left behind is overwritten.

    Args:
        path: the file.
        body: called with a function that takes the next bytes of the body.
        origin: goes into the seal.

    Raises:
        OSError: it could not be written; the file is as it was and nothing lies beside it.
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
            edges = _edges(file, length, origin.count)
            text = json.dumps(asdict(_Seal(origin, length, digest.hexdigest(), edges))).encode()
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
    """Where `path` grows until it is whole."""
    return path.with_name(path.name + ".unfinished")


def read_origin(path: Path, *, thorough: bool = False) -> CacheOrigin:
    """What a sealed file was made from.

    The length is compared, and the digest of the body's first and last pages, where its structure
    and the ids of a flat index lie; the digest of all of it when `thorough`.

    Raises:
        FileNotFoundError: there is none.
        IndexDamaged: it is not whole, or no such file.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        tail = 32 + 4 + len(MAGIC)
        file.seek(max(0, size - tail))
        end = file.read()
        length = int.from_bytes(end[32:36], "little")
        if end[36:] != MAGIC or length > min(_LONGEST_SEAL, size - tail):
            raise IndexDamaged(f"{shown(path)} is cut short or no file of vectors")
        file.seek(size - tail - length)
        text = file.read(length)
        damaged = IndexDamaged(f"{shown(path)} is not as it was written")
        if blake3(text).digest() != end[:32]:
            raise damaged
        try:
            fields = json.loads(text)
            seal = _Seal(CacheOrigin(**fields.pop("origin")), **fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise IndexDamaged(f"{shown(path)} has a seal that is not understood") from error
        if seal.length != size - tail - length:
            raise damaged
        if seal.edges != _edges(file, seal.length, seal.origin.count):
            raise damaged
        if thorough and seal.digest != _digest(file, 0, seal.length):
            raise damaged
    return seal.origin


def _edges(file: BinaryIO, length: int, count: int) -> str:
    """Digest of the first page, and of the last one with `count` ids."""
    last = min(length, _PAGE + 8 * count)
    return _digest(file, 0, min(length, _PAGE)) + _digest(file, length - last, last)


def _digest(file: BinaryIO, start: int, length: int) -> str:
    digest = blake3()
    file.seek(start)
    while length > 0 and (piece := file.read(min(length, 1 << 20))):
        digest.update(piece)
        length -= len(piece)
    return digest.hexdigest()
