"""Small painted photographs, and an index of them made with the weight-free preset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from indexer.catalog.records import FileStamp, PhotoRow, SegmentRow
from model.masks import rle
from searchengine import Options, SearchEngine
from searchengine.matches.match import Match

COLOURS = {
    "red": (220, 20, 20),
    "blue": (30, 60, 210),
    "green": (20, 150, 40),
    "yellow": (250, 235, 30),
    "purple": (130, 20, 150),
}


def paint(path: Path, *shapes: tuple[str, tuple[int, int, int, int]], **save: object) -> Path:
    """A grey 320×240 photo with filled ellipses, each a colour and an XYXY box."""
    picture = Image.new("RGB", (320, 240), (128, 128, 128))
    draw = ImageDraw.Draw(picture)
    for colour, box in shapes:
        draw.ellipse(box, fill=COLOURS[colour])
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=95, **save)
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five photos in two years and of two cameras."""
    folder = tmp_path_factory.mktemp("photos")
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Acme", "Acme One"
    exif.get_ifd(0x8769)[0x9003] = "2023:05:17 12:30:00"
    paint(folder / "2023" / "red.jpg", ("red", (40, 40, 140, 160)), exif=exif)
    exif[0x0110] = "Acme Two"
    exif.get_ifd(0x8769)[0x9003] = "2024:01:02 08:00:00"
    paint(
        folder / "2024" / "two.jpg",
        ("red", (20, 20, 90, 90)),
        ("blue", (180, 100, 300, 220)),
        exif=exif,
    )
    paint(folder / "green.jpg", ("green", (100, 60, 260, 200)))
    paint(folder / "yellow.png", ("yellow", (10, 10, 60, 230)))
    paint(
        folder / "three.jpg", *(("blue", (20 + 100 * i, 60, 90 + 100 * i, 130)) for i in range(3))
    )
    return folder


@pytest.fixture(scope="session")
def indexed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of `photos`; not to be changed."""
    folder = tmp_path_factory.mktemp("index")
    with SearchEngine.open(folder, preset="colours") as engine:
        report = engine.index(photos, options=Options(jobs=1))
    assert (report.added, report.skipped) == (5, [])
    return folder


@pytest.fixture
def engine(indexed: Path) -> Iterator[SearchEngine]:
    """An engine over `indexed`."""
    with SearchEngine.open(indexed) as opened:
        yield opened


def stamps_of(path: Path) -> tuple[FileStamp, ...]:
    """The file's stamp, if it is there."""
    if not path.exists():
        return ()
    return (FileStamp(str(path), path.stat().st_size, path.stat().st_mtime_ns),)


@pytest.fixture
def made_match() -> Callable[..., Match]:
    """Makes a match from a mask in its working frame; its photo need not be there."""

    def make(
        mask: np.ndarray[Any, Any],
        segment_id: int = 1,
        *,
        photo_id: int = 1,
        path: str | Path = "/nowhere/photo.jpg",
        size: tuple[int, int] | None = None,
        orientation: int = 1,
        rank: int = 1,
        score: float | None = 0.31,
        confidence: float | None = 0.92,
    ) -> Match:
        (counts,), frame = rle.encode(mask[None]), mask.shape
        box = tuple(rle.boxes((counts,), frame)[0].tolist())
        area = int(mask.sum())
        photo = PhotoRow(
            id=photo_id,
            path=str(path),
            content_hash=bytes(32),
            format="JPEG",
            size=size or frame,
            orientation=orientation,
            taken_at=None,
            camera=None,
            latitude=None,
            longitude=None,
            perceptual_hash=0,
            files=(str(path),),
            stamps=stamps_of(Path(path)),
        )
        segment = SegmentRow(segment_id, photo_id, 0, frame, counts, box, area, 0.75, None, 0)
        return Match(rank, score, confidence, photo, segment)

    return make
