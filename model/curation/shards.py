"""Shards of segment–text pairs: files of so many, each whole or not there."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from model.atomic_files import remove_leftovers, replaced
from model.curation.source_photo import SourcePhoto
from model.datasets.pairs import BOX_KIND, TrainingPair
from model.datasets.skipped_rows import SkippedRows
from model.errors import CurationError, shown
from model.masks import rle

MANIFEST = "manifest.json"
PAIRS_A_SHARD = 10_000


@dataclass(frozen=True)
class Shard:
    """A file of pairs that is complete.

    Attributes:
        file: its name in the folder.
        photos: photos in it.
        pairs: pairs of those.
        size: bytes.
        sha256: hex digest of all of it.
    """

    file: str
    photos: int
    pairs: int
    size: int
    sha256: str


@dataclass(frozen=True)
class PhotoPairs:
    """The pairs of a photo, without its pixels.

    Attributes:
        name: its path below the folder of photos.
        path: the file.
        content_hash: blake3 of the file, hex.
        pairs: its pairs, in one frame; never empty.
    """

    name: str
    path: Path
    content_hash: str
    pairs: tuple[TrainingPair, ...]


class ShardWriter(ABC):
    """Writer of `pairs-00000.SUFFIX`, `pairs-00001.SUFFIX` … into a folder, in a `with` block.

    A shard is written aside and renamed when it is complete. While shards are written the folder
    has no manifest; whatever fails within the block, the last, incomplete shard is not written.

    Attributes:
        suffix: suffix of the shards, without the dot.
        shards: shards that are complete, in their order.
        skipped: record of photos that are left out.

    Args:
        folder: folder of the shards; made if need be.
        pairs_a_shard: pairs after which a shard is full; a photo's are never torn apart.
        skipped: record to add to; None: a new one.

    Raises:
        CurationError: the folder or a shard cannot be written.
        ValueError: pairs_a_shard is below 1.
    """

    suffix: str

    def __init__(
        self,
        folder: Path,
        pairs_a_shard: int = PAIRS_A_SHARD,
        skipped: SkippedRows | None = None,
    ) -> None:
        if pairs_a_shard < 1:
            raise ValueError(f"pairs_a_shard is {pairs_a_shard}, expected 1 or more")
        self.shards: list[Shard] = []
        self.skipped = SkippedRows() if skipped is None else skipped
        self._folder, self._full = folder, pairs_a_shard
        self._waiting: list[PhotoPairs] = []
        self._count = 0

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / MANIFEST).unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        remove_leftovers(self._folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._waiting:
            self._write_shard()

    def add(self, photo: SourcePhoto, pairs: Sequence[TrainingPair]) -> None:
        """Put a photo's pairs behind those before; of a photo without pairs nothing is written.

        Raises:
            ValueError: the pairs are in several frames.
            CurationError: a shard was full and cannot be written.
        """
        if not pairs:
            return
        if len({pair.size for pair in pairs}) > 1:
            raise ValueError(f"the pairs of {photo.name} are in several frames, expected one")
        said = (text for pair in pairs for text in (*pair.texts, *pair.sources, pair.kind))
        try:
            "".join((photo.name, *said)).encode("utf-8")
        except UnicodeEncodeError as error:
            self.skipped.note(shown(photo.name), "its name or texts are no UTF-8", error)
            return
        self._waiting.append(PhotoPairs(photo.name, photo.path, photo.content_hash, tuple(pairs)))
        self._count += len(pairs)
        if self._count >= self._full:
            self._write_shard()

    @abstractmethod
    def _write(self, part: Path, photos: Sequence[PhotoPairs]) -> Sequence[PhotoPairs]:
        """Write a file of these photos; those that are in it."""

    def _write_shard(self) -> None:
        photos, self._waiting, self._count = self._waiting, [], 0
        file = self._folder / f"pairs-{len(self.shards):05}.{self.suffix}"
        try:
            with replaced(file) as part:
                written = self._write(part, photos)
                with part.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                    size = content.tell()
        except OSError as error:
            raise _unwritable(file, error) from error
        count = sum(len(photo.pairs) for photo in written)
        self.shards.append(Shard(file.name, len(written), count, size, digest))


def pair_fields(pair: TrainingPair) -> dict[str, Any]:
    """What all formats say of a pair.

    `counts` (text; None where only the box is known), `bbox` ([x, y, width, height], pixels of
    the pair's frame), `texts`, `kind`, `sources` and `score`.
    """
    left, top, right, bottom = rle.boxes((pair.counts,), pair.size)[0].tolist()
    return {
        "counts": None if pair.kind == BOX_KIND else pair.counts.decode("ascii"),
        "bbox": [left, top, right - left, bottom - top],
        "texts": list(pair.texts),
        "kind": pair.kind,
        "sources": list(pair.sources),
        "score": pair.score,
    }


def _unwritable(place: Path, error: OSError) -> CurationError:
    return CurationError(
        f"{shown(place)} cannot be written ({error.strerror or shown(error)})",
        "make room, or name another folder",
    )
