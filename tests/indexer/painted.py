"""Small real photos painted from numbers, and what an index of them holds, to be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from indexer.backends import open_catalog
from indexer.index import Index
from indexer.report import Report
from indexer.update import Options, Progress, update
from model.photos.files import state_of
from model.presets.preset import load_preset

COLOURS = [(220, 20, 20), (30, 60, 210), (20, 150, 40), (250, 235, 30), (130, 20, 150)]


def paint(path: Path, number: int, scale: int = 1) -> Path:
    """Two blocks of colour on grey; another number is another photo."""
    picture = Image.new("RGB", (64 * scale, 48 * scale), (128, 128, 128))
    draw = ImageDraw.Draw(picture)
    for k in range(2):
        x, y = (4 + 30 * k + number % 7) * scale, (4 + number // 7 % 9) * scale
        colour = COLOURS[(number // (1 + 4 * k)) % 5]
        draw.rectangle((x, y, x + 20 * scale, y + (24 + k) * scale), fill=colour)
    picture.putpixel((0, 0), (number % 256, number // 256, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "PNG")
    return path


def run(
    folder: Path, *roots: Path | str, progress: Progress | None = None, **options: Any
) -> Report:
    """One worker, and the preset without weights."""
    asked = Options(**{"jobs": 1} | options)
    return update(folder, roots, load_preset("colours"), asked, progress)


def contents(folder: Path) -> dict[bytes, tuple[Any, ...]]:
    """By content hash: everything that an index knows of each photo, but for ids."""
    with open_catalog(folder, readonly=True) as catalog:
        assert catalog.check(full=True) == []
        files: dict[int, list[str]] = {}
        for known in catalog.files():
            assert known.photo_id is not None
            assert (known.stamp.size, known.stamp.mtime_ns) == state_of(known.stamp.path)
            files.setdefault(known.photo_id, []).append(known.stamp.path)
        held = {}
        for photo_id, row in catalog.photos(files).items():
            segments = catalog.segments_of(photo_id)
            ordinals = {segment.id: segment.ordinal for segment in segments}
            held[row.content_hash] = (
                files[photo_id],
                row.size,
                row.perceptual_hash,
                [
                    (s.frame, s.counts, s.box, s.area, s.quality, ordinals.get(s.parent_id or -1))
                    for s in segments
                ],
                catalog.vectors_of([segment.id for segment in segments]).tobytes(),
                catalog.photo_vector(photo_id).tobytes(),
            )
        assert len(held) == catalog.counts().photos
        return held


def answers(folder: Path, words: str = "red") -> list[tuple[float, bytes, int]]:
    """What a search finds: score, content hash and ordinal, the best first, ties by hash."""
    with Index.open(folder) as index:
        query = load_preset("colours").build().embedder.embed_texts([words]).vectors[0]
        hits = index.search(query, 10_000)
        assert len(hits) == index.catalog.counts().segments
        rows = index.catalog.segments(hits.ids.tolist())
        photos = index.catalog.photos({row.photo_id for row in rows.values()})
        found = [
            (round(score, 5), photos[rows[i].photo_id].content_hash, rows[i].ordinal)
            for i, score in zip(hits.ids.tolist(), hits.scores.tolist(), strict=True)
        ]
        return sorted(found, key=lambda hit: (-hit[0], hit[1:]))


def segment_ids(folder: Path) -> dict[str, list[int]]:
    """By file name: the ids of the segments that the index has of it."""
    with open_catalog(folder, readonly=True) as catalog:
        return {
            Path(known.stamp.path).name: [row.id for row in catalog.segments_of(known.photo_id)]
            for known in catalog.files()
            if known.photo_id is not None
        }
