"""Photos made from a number: the same in every process, so that catalogs can be compared.

As a script, `made_photos.py FOLDER FIRST`, it writes photo after photo and tells each.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from indexer.catalog.records import AddedSegments, FileStamp, IndexedPhoto, Manifest, Origin
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from model.embeddings import Embeddings, EmbeddingSpace
from model.masks.segments import Segments
from model.photos.images import PhotoHeader

SPACE = EmbeddingSpace("toy", 8, "c0ffee")
MANIFEST = Manifest("toy", SPACE, {"side": "32"}, "segsearch 0", "2024-01-01T00:00:00+00:00")
FRAME = (24, 32)
ORIGIN = Origin("a red car’s door", "ab" * 32)
CAMERAS = (None, "NIKON D70", "Émile 100%", "Canon EOS_5D")


def made_photo(number: int, segments: int | None = None) -> IndexedPhoto:
    """0 to 4 segments, the second one part of the first."""
    rng = np.random.default_rng(number)
    n = number % 5 if segments is None else segments
    masks = np.zeros((n, *FRAME), np.bool_)
    for k in range(n):
        y, x = rng.integers(0, 12, 2)
        masks[k, y : y + 8 - k % 4, x : x + 16 - 2 * (k % 4)] = True
    if n > 1:
        masks[0, 2:20, 2:28] = True
        masks[1] = False
        masks[1, 4:8, 4:9] = True
    header = PhotoHeader(
        format="JPEG",
        size=(FRAME[0] * 10, FRAME[1] * 10),
        orientation=1 + number % 8,
        taken_at=None if number % 4 == 3 else datetime(2023, 1, 1) + timedelta(days=number),
        camera=CAMERAS[number % len(CAMERAS)],
        latitude=None if number % 2 else number / 7,
        longitude=None if number % 2 else -number / 3,
    )
    return IndexedPhoto(
        content_hash=number.to_bytes(32, "big"),
        header=header,
        perceptual_hash=int(rng.integers(-(2**63), 2**63)),
        segments=Segments.from_masks(masks, rng.random(n).astype(np.float32)),
        embeddings=Embeddings.unit(rng.normal(size=(n, 8)), SPACE),
        photo_embedding=Embeddings.unit(rng.normal(size=(1, 8)), SPACE),
        seconds=0.25 + number,
        pixel_digest=(number + 1).to_bytes(32, "little"),
    )


def made_addition(number: int, segments: int = 2) -> AddedSegments:
    """1 to 4 segments beside those of any photo, the second one part of the first."""
    photo = made_photo(number, segments)
    return AddedSegments(photo.segments, photo.embeddings, ORIGIN)


def made_stamp(number: int) -> FileStamp:
    return FileStamp(f"/photos/{2020 + number % 5}/img_{number:04d}.jpg", 1000 + number, number)


def write(catalog: SqliteCatalog, first: int, last: int) -> None:
    for number in range(first, last):
        catalog.add_photo(made_photo(number), made_stamp(number))


if __name__ == "__main__":
    folder, start = Path(sys.argv[1]), int(sys.argv[2])
    with SqliteCatalog.open(folder) as opened:
        for number in range(start, 1_000_000):
            opened.add_photo(made_photo(number), made_stamp(number))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
