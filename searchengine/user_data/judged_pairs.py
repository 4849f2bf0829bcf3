"""Judgements as training pairs: Parquet shards that `segsearch train` reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from indexer.catalog.records import PhotoRow
from indexer.index import Index
from model.curation.manifest import Manifest
from model.curation.parquet_shards import ParquetShards
from model.curation.source_photo import SourcePhoto
from model.datasets.pairs import TrainingPair
from model.errors import ExportError, shown
from model.stores.urls import is_url
from searchengine.user_data.judgements import Judgement

SOURCE = "judgements"
KIND = "object"


@dataclass(frozen=True)
class PairsReport:
    """What became of judgements that were written as pairs.

    Attributes:
        folder: folder of the shards.
        photos_root: folder that the photos' names are relative to: a recipe's `photos`.
        pairs: pairs that were written.
        photos: photos that they are of.
        wrong: judgements left out because they say only what a segment does not show.
        wordless: judgements left out because nothing was said.
        lost: judgements left out because the index does not hold their segment (any more).
    """

    folder: str
    photos_root: str
    pairs: int
    photos: int
    wrong: int
    wordless: int
    lost: int

    def to_dict(self) -> dict[str, Any]:
        """The report as the command line's JSON has it."""
        return asdict(self)

    def __str__(self) -> str:
        left_out = {
            "judged wrong": self.wrong,
            "without words": self.wordless,
            "not in the index any more": self.lost,
        }
        told = "".join(f", {count} {why}" for why, count in left_out.items() if count)
        return (
            f"{self.pairs} pairs of {self.photos} photos below {shown(self.photos_root)}"
            f" → {shown(self.folder)}{told}"
        )


def write_pairs(judgements: Sequence[Judgement], index: Index, folder: Path) -> PairsReport:
    """Write what was judged right as pairs of a segment and its words.

    What was judged wrong makes no pair: that a text is not true of a segment is nothing that
    training reads.

    Args:
        judgements: judgements to write.
        index: index that holds their segments.
        folder: folder to write to; it must be empty, or not there.

    Raises:
        ExportError: the folder holds something, or nothing can be written.
        ExtraMissing: pyarrow is not installed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"{shown(folder)} is not empty", "name a new folder")
    right = [each for each in judgements if each.right]
    said = [each for each in right if each.words.strip()]
    found = _segments(said, index)
    photos = index.catalog.photos(found)
    _refuse_stores(photos.values())
    root = _root([photo.path for photo in photos.values()])
    count = sum(len(pairs) for pairs in found.values())
    if not count:
        raise ExportError(
            "none of these judgements makes a pair: pairs are of segments that were judged right"
            " for words, and are in the index",
            "judge more of them right",
        )
    with ParquetShards(folder) as shards:
        for photo_id, texts in found.items():
            shards.add(*_source(photos[photo_id], root, texts, index))
    counts = {"photos": len(found), "pairs": count}
    Manifest({"source": SOURCE}, "", (), counts, shards.shards).write(folder)
    return PairsReport(
        str(folder),
        str(root),
        count,
        len(found),
        len(judgements) - len(right),
        len(right) - len(said),
        len(said) - count,
    )


def _segments(said: Sequence[Judgement], index: Index) -> dict[int, dict[int, list[str]]]:
    """Texts of each segment of each photo, by ids."""
    found: dict[int, dict[int, list[str]]] = {}
    for judgement in said:
        row = judgement.segment.segment_in(index.catalog)
        if row is not None:
            texts = found.setdefault(row.photo_id, {}).setdefault(row.id, [])
            texts += [judgement.words] if judgement.words not in texts else []
    return found


def _source(
    photo: PhotoRow, root: Path, texts: Mapping[int, Sequence[str]], index: Index
) -> tuple[SourcePhoto, list[TrainingPair]]:
    path = Path(photo.path)
    name = path.relative_to(root).as_posix()
    rows = index.catalog.segments(texts)
    pairs = [
        TrainingPair(path, rows[i].frame, rows[i].counts, tuple(own), KIND, (SOURCE,))
        for i, own in texts.items()
    ]
    return SourcePhoto(name, path, photo.content_hash.hex(), photo.size), pairs


def _refuse_stores(photos: Iterable[PhotoRow]) -> None:
    for photo in photos:
        if is_url(photo.path):
            raise ExportError(
                f"{shown(photo.path)} lies in a store, and training reads photos from a disk",
                "copy the photos to a folder and index that",
            )


def _root(paths: Sequence[str]) -> Path:
    """The folder that all of them lie in."""
    if not paths:
        return Path("/")
    try:
        return Path(os.path.commonpath([Path(path).parent for path in paths]))
    except ValueError:  # on several drives
        raise ExportError("the photos share no folder", "export fewer names at once") from None
