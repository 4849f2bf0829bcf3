"""Indexes of any size, made in seconds: real catalogs whose photos nobody ever took.

About 120 segments a photo, run lengths of about 180 bytes, vectors in clusters of clusters.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from indexer.catalog import box_codec, vector_codec
from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.seals import SEALED, seal_of, seal_of_vector
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from model.masks import rle

FRAME = (384, 512)
SEGMENTS_A_PHOTO = 120
KINDS_OF_MASK = 60
Row = tuple[object, ...]


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def random_centres(dimension: int, n: int = 2000, seed: int = 0) -> NDArray[np.float32]:
    """n×D unit float32: middles of clusters, themselves in 50 clusters."""
    rng = np.random.default_rng(seed)
    coarse = unit(rng.standard_normal((50, dimension)))
    fine = coarse[rng.integers(0, 50, n)] + unit(rng.standard_normal((n, dimension)))
    return unit(fine)


def make_index(
    folder: Path, segments: int, manifest: Manifest, centres: NDArray[np.float32], seed: int = 0
) -> None:
    """A catalog of exactly `segments` segments, whose vectors lie around `centres`."""
    SqliteCatalog.create(folder, manifest).close()
    rng = np.random.default_rng(seed)
    shapes = _shapes(rng)
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        first, photo = 1, 0
        while first <= segments:
            photo += 1
            n = min(int(rng.integers(80, 161)), segments + 1 - first)
            _insert(connection, photo, first, n, shapes, centres, rng)
            first += n
        connection.execute("INSERT INTO revisions VALUES (?, randomblob(16))", (photo + 1,))
    connection.close()


def _insert(
    connection: sqlite3.Connection,
    photo: int,
    first: int,
    n: int,
    shapes: list[tuple[int, bytes, bytes]],
    centres: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    near = centres[rng.integers(0, len(centres), n)]
    spread = rng.standard_normal(near.shape) * (0.8 / np.sqrt(near.shape[1]))
    vectors = unit(near + spread)
    whole = unit(vectors.mean(axis=0, keepdims=True))
    path = f"/photos/{photo // 1000:03}/{photo:07}.jpg".encode()
    taken = f"2020-01-{1 + photo % 28:02} 12:00:00.000000"
    looks = int(rng.integers(-(2**63), 2**63 - 1))
    row = (photo, rng.bytes(32), "JPEG", 3000, 4000, 1, taken, "Maker Model", None, None, looks)
    _put(connection, "photos", [(*row, *FRAME, first, n, 1.0, None, None, None)])
    _put(connection, "photo_vectors", [(photo, *vector_codec.pack(whole))])
    _put(connection, "files", [(path, 12, 1, 1, photo, None, None)])
    _put(connection, "segments", _rows(photo, first, n, shapes, rng))
    _put(connection, "vectors", enumerate(vector_codec.pack(vectors), first))


def _put(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    seal = (lambda row: seal_of_vector(*row)) if table.endswith("vectors") else seal_of
    columns = (*SEALED[table], "seal")
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        ((*row, seal(row)) for row in rows),
    )


def _rows(
    photo: int,
    first: int,
    n: int,
    shapes: list[tuple[int, bytes, bytes]],
    rng: np.random.Generator,
) -> Iterator[Row]:
    for ordinal, shape in enumerate(rng.integers(0, len(shapes), n).tolist()):
        area, box, counts = shapes[shape]
        yield first + ordinal, photo, 0 if ordinal else None, area, 0.9, box, counts


def _shapes(rng: np.random.Generator) -> list[tuple[int, bytes, bytes]]:
    """Area, packed box and run lengths of blobs with a rough edge."""
    y, x = np.mgrid[: FRAME[0], : FRAME[1]]
    drawn = []
    for _ in range(KINDS_OF_MASK):
        middle = rng.uniform(0.2, 0.8, 2) * FRAME
        radius = rng.uniform(10, 60)
        angle = np.arctan2(y - middle[0], x - middle[1])
        edge = sum(rng.uniform(0, 0.12) * np.sin(f * angle + rng.uniform(0, 6)) for f in (2, 5, 9))
        drawn.append(np.hypot(y - middle[0], x - middle[1]) < radius * (1 + edge))
    counts = rle.encode(np.stack(drawn))
    areas = rle.areas(counts, FRAME).tolist()
    packed = [box_codec.pack(box) for box in rle.boxes(counts, FRAME)]
    return list(zip(areas, packed, counts, strict=True))


def disk_bytes(folder: Path) -> dict[str, int]:
    """Bytes of the files of an index, by name."""
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries}
