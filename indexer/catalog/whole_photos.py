"""Whole photos: all that a catalog remembers of some, in columns, as another one takes it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import box_codec
from indexer.catalog.damaged_photo import (
    WRONG_BOX,
    WRONG_MASKS,
    WRONG_VECTOR,
    WRONG_WHOLE,
    damaged_photo,
)
from indexer.catalog.records import FileStamp, IndexedPhoto, Origin, PhotoRow
from indexer.catalog.vector_codec import Numbers, are_numbers, numbers_of
from model.masks.runs import covered

Ints = NDArray[np.int64]
SEGMENTS_AT_ONCE = 8192
"""Segments that are held at once, but of a photo that has more: some 10 MB at 400 components."""

WRONG_QUALITY = "has a segment of no quality"


@dataclass(frozen=True, eq=False)
class WholePhotos:
    """P photos with all that belongs to them: N segments, by photo and ordinal.

    Attributes:
        rows: P photos with their files; ids are those of the catalog that they are read from.
        frames: P×2 int64, height and width in pixels of the frame that masks were made in.
        seconds: P float64, CPU seconds that making each took.
        many: P int64, number of each one's segments.
        parents: N int64, ordinal of the smallest segment of the photo that contains it, or -1.
        areas: N int64, pixels of the frame.
        quality: N float64, the segmenter's estimate.
        boxes: N boxes as `box_codec` packs them.
        counts: N COCO compressed run lengths.
        vectors: N×D int8, as `vector_codec` keeps vectors.
        photo_vectors: P×D int8, of the photos themselves.
        origins: origins of segments that were proposed for words, by place among the N.
    """

    rows: Sequence[PhotoRow]
    frames: Ints
    seconds: NDArray[np.float64]
    many: Ints
    parents: Ints
    areas: Ints
    quality: NDArray[np.float64]
    boxes: Sequence[bytes]
    counts: Sequence[bytes]
    vectors: Numbers
    photo_vectors: Numbers
    origins: Mapping[int, Origin]

    @classmethod
    def of(cls, photo: IndexedPhoto, stamp: FileStamp) -> WholePhotos:
        """A photo as indexing made it, and the file that shows it."""
        header, segments, dimension = photo.header, photo.segments, photo.embeddings.space.dimension
        row = PhotoRow(
            id=0,
            path=stamp.path,
            content_hash=photo.content_hash,
            format=header.format,
            size=header.size,
            orientation=header.orientation,
            taken_at=header.taken_at,
            camera=header.camera,
            latitude=header.latitude,
            longitude=header.longitude,
            perceptual_hash=photo.perceptual_hash,
            files=(stamp.path,),
            taken_offset=header.taken_offset,
            taken_source=header.taken_source,
            pixel_digest=photo.pixel_digest,
            stamps=(stamp,),
        )
        return cls(
            rows=[row],
            frames=np.array([segments.size], np.int64),
            seconds=np.array([photo.seconds], np.float64),
            many=np.array([len(segments)], np.int64),
            parents=segments.parents,
            areas=segments.areas,
            quality=segments.quality.astype(np.float64),
            boxes=box_codec.pack_all(segments.boxes),
            counts=segments.counts,
            vectors=numbers_of(photo.embeddings.vectors.reshape(-1, dimension)),
            photo_vectors=numbers_of(photo.photo_embedding.vectors),
            origins={},
        )

    @classmethod
    def of_rows(
        cls,
        photos: Sequence[PhotoRow],
        frames: Sequence[Sequence[int]],
        seconds: Sequence[float],
        many: Sequence[int],
        segments: Sequence[tuple[Any, ...]],
        vectors: Numbers,
        photo_vectors: Numbers,
        origins: Mapping[int, Origin],
    ) -> WholePhotos:
        """Photos out of a catalog's rows, not judged yet.

        Args:
            photos: P photos.
            frames: height and width of each one's frame.
            seconds: seconds that making each took.
            many: number of each one's segments.
            segments: parent (None for none), area, quality, box and counts of N segments.
            vectors: N×D int8.
            photo_vectors: P×D int8.
            origins: origins of some of the N, by place.
        """
        columns: Sequence[Sequence[Any]] = list(zip(*segments, strict=True)) or [()] * 5
        return cls(
            rows=photos,
            frames=np.array(frames, np.int64).reshape(-1, 2),
            seconds=np.array(seconds, np.float64),
            many=np.array(many, np.int64),
            parents=np.array(
                [-1 if p is None else p if p >= 0 else -2 for p in columns[0]], np.int64
            ),
            areas=np.array(columns[1], np.int64),
            quality=np.array(columns[2], np.float64),
            boxes=columns[3],
            counts=columns[4],
            vectors=vectors,
            photo_vectors=photo_vectors,
            origins=origins,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, known: Container[bytes]) -> WholePhotos:
        """The photos that do not have one of some content hashes."""
        chosen = np.array([row.content_hash not in known for row in self.rows], np.bool_)
        if chosen.all():
            return self
        photos = np.flatnonzero(chosen).tolist()
        segments = np.flatnonzero(chosen[self.owners]).tolist()
        places = {place: at for at, place in enumerate(segments)}
        return WholePhotos(
            rows=[self.rows[i] for i in photos],
            frames=self.frames[photos],
            seconds=self.seconds[photos],
            many=self.many[photos],
            parents=self.parents[segments],
            areas=self.areas[segments],
            quality=self.quality[segments],
            boxes=[self.boxes[i] for i in segments],
            counts=[self.counts[i] for i in segments],
            vectors=self.vectors[segments],
            photo_vectors=self.photo_vectors[photos],
            origins={places[i]: each for i, each in self.origins.items() if i in places},
        )

    @property
    def owners(self) -> Ints:
        """N int64: place of each segment's photo among the P."""
        return np.repeat(np.arange(len(self.rows)), self.many)

    @property
    def firsts(self) -> Ints:
        """P int64: place of each photo's first segment among the N."""
        return np.asarray(np.cumsum(self.many) - self.many)

    def require_sound(self) -> None:
        """Judge all that belongs to the photos: what passes may be given to libraries that believe
        what they are given.

        Raises:
            IndexDamaged: something is not what indexing makes.
        """
        owners, frames = self.owners, self.frames[self.owners]
        ordinals = np.arange(len(owners)) - self.firsts[owners]
        beyond = (self.parents < -1) | (self.parents >= self.many[owners])
        judged = (
            (WRONG_MASKS, covered(self.counts, frames.prod(axis=1)) != self.areas),
            (WRONG_WHOLE, beyond | (self.parents == ordinals)),
            (WRONG_BOX, ~box_codec.all_fit(self.boxes, frames)),
            (WRONG_QUALITY, ~np.isfinite(self.quality)),
            (WRONG_VECTOR, ~are_numbers(self.vectors)),
        )
        for fault, wrong in judged:
            if wrong.any():
                raise damaged_photo(self.rows[int(owners[wrong.argmax()])].id, fault)
        if (wrong := ~are_numbers(self.photo_vectors)).any():
            raise damaged_photo(self.rows[int(wrong.argmax())].id, WRONG_VECTOR)

    def checksums(self) -> dict[bytes, bytes]:
        """Digest (16 bytes) of each photo by its content hash: of all but ids."""
        lengths = [np.fromiter(map(len, some), np.int64) for some in (self.boxes, self.counts)]
        columns: tuple[NDArray[Any], ...] = (
            self.parents, self.areas, self.quality, *lengths, self.vectors,
        )  # fmt: skip
        told = dict[int, list[tuple[int, str | None, str]]]()
        owners = self.owners
        for place, origin in sorted(self.origins.items()):
            owner = int(owners[place])
            ordinal = place - int(self.firsts[owner])
            told.setdefault(owner, []).append((ordinal, _said(origin.prompt), origin.proposer))
        sums = {}
        for place, (first, many) in enumerate(zip(self.firsts, self.many, strict=True)):
            row, some = self.rows[place], slice(first, first + many)
            of_photo = (_described(row), *self.frames[place].tolist(), float(self.seconds[place]))
            digest = blake2b(repr((of_photo, told.get(place))).encode(), digest_size=16)
            for column in columns:
                digest.update(column[some].tobytes())
            digest.update(b"".join((*self.boxes[some], *self.counts[some])))
            digest.update(self.photo_vectors[place].tobytes())
            sums[row.content_hash] = digest.digest()
        return sums


def groups(many: Sequence[int]) -> Iterator[slice]:
    """Photos, as many in a row as have `SEGMENTS_AT_ONCE` segments together, and one at least.

    Args:
        many: number of each one's segments.
    """
    start = held = 0
    for place, count in enumerate(many):
        if place > start and held + count > SEGMENTS_AT_ONCE:
            yield slice(start, place)
            start, held = place, 0
        held += count
    if start < len(many):
        yield slice(start, len(many))


def _described(row: PhotoRow) -> object:
    """What is known of a photo itself, whatever its id."""
    names = sorted((stamp.path, stamp.size, stamp.mtime_ns) for stamp in row.stamps)
    camera, source = _said(row.camera), _said(row.taken_source)
    known = replace(
        row, id=0, path="", files=(), stamps=(), camera=camera, taken_source=source,
        format=_said(row.format) or "",
    )  # fmt: skip
    return names, known


def _said(text: str | None) -> str | None:
    """A text without the character of number 0, which not every database holds."""
    return None if text is None else text.replace("\0", "")
