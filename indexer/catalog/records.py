"""Records that go into the catalog and come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from secrets import token_hex
from typing import NamedTuple

from indexer.catalog.path_pattern import PathPattern
from model.embeddings import Embeddings, EmbeddingSpace
from model.masks.segments import Segments
from model.photos.images import PhotoHeader

_FURTHEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class FileStamp:
    """A file as it was when last looked at.

    Attributes:
        path: absolute, as `os.fsdecode` gives it: bytes that are no UTF-8 are surrogates; or a
            URL, as `model.stores.urls` spells it.
        size: bytes.
        mtime_ns: time of the last change, nanoseconds since 1970; what 64 bits do not hold (a
            year after 2262) is the nearest that they do. Of an object of a store its stamp, which
            stands for its ETag.
    """

    path: str
    size: int
    mtime_ns: int

    def __post_init__(self) -> None:
        if not -_FURTHEST <= self.mtime_ns <= _FURTHEST:
            nearest = max(-_FURTHEST, min(self.mtime_ns, _FURTHEST))
            object.__setattr__(self, "mtime_ns", nearest)


@dataclass(frozen=True)
class Manifest:
    """Preset and program that an index was made with; fixed for its life.

    Attributes:
        preset: the preset's name.
        space: embedding space of all its vectors.
        settings: the preset's settings that matter, for people.
        created_by: the program and its version.
        created_at: ISO 8601 with time zone.
        catalog_id: 32 hex digits drawn when the catalog is made; no other has them.
    """

    preset: str
    space: EmbeddingSpace
    settings: dict[str, str]
    created_by: str
    created_at: str
    catalog_id: str = field(default_factory=lambda: token_hex(16))


class Watermark(NamedTuple):
    """Name of one state of one catalog, which no other state has.

    Attributes:
        catalog_id: id of the catalog, as in the manifest.
        generation: number of transactions that changed photos or segments up to that state.
        revision: 32 hex digits drawn by the transaction that led to it; where a catalog is
            restored from a copy and goes another way, its generations come again, these do not.
    """

    catalog_id: str
    generation: int
    revision: str


@dataclass(frozen=True)
class ReadPhoto:
    """Photo as it was read from its file, before anything is looked for in it.

    Attributes:
        content_hash: 32 bytes, of the file.
        header: size, format and metadata that the file tells.
        pixel_digest: 32 bytes, of what the models see.
    """

    content_hash: bytes
    header: PhotoHeader
    pixel_digest: bytes


@dataclass(frozen=True, eq=False)
class IndexedPhoto:
    """Photo as indexing makes it and one transaction writes it.

    Attributes:
        content_hash: 32 bytes.
        header: size, format and metadata that the file tells.
        perceptual_hash: 64 bits, as a signed integer.
        segments: N segments, in the frame they were made in.
        embeddings: N vectors, one a segment.
        photo_embedding: one vector, of the whole photo.
        seconds: CPU seconds that making it took.
        pixel_digest: digest of the decoded pixels, where it was taken.

    Raises:
        ValueError: the parts do not belong together.
    """

    content_hash: bytes
    header: PhotoHeader
    perceptual_hash: int
    segments: Segments
    embeddings: Embeddings
    photo_embedding: Embeddings
    seconds: float
    pixel_digest: bytes | None = None

    def __post_init__(self) -> None:
        if len(self.embeddings) != len(self.segments):
            raise ValueError(
                f"{len(self.embeddings)} vectors for {len(self.segments)} segments, one each is due"
            )
        if len(self.photo_embedding) != 1:
            raise ValueError(f"{len(self.photo_embedding)} vectors for the photo, expected 1")
        if self.photo_embedding.space != self.embeddings.space:
            raise ValueError("the photo's vector and its segments' live in different spaces")


@dataclass(frozen=True)
class Origin:
    """Origin of a segment that was proposed for words, and kept.

    Attributes:
        prompt: words, as they were searched; what no text can hold in UTF-8 is "?".
        proposer: fingerprint of the proposer.
    """

    prompt: str
    proposer: str

    def __post_init__(self) -> None:
        sayable = self.prompt.encode("utf-8", "replace").decode("utf-8")
        object.__setattr__(self, "prompt", sayable)


@dataclass(frozen=True, eq=False)
class AddedSegments:
    """Segments that a photo of the index gets beside those that it has.

    Attributes:
        segments: N segments in the frame of the photo's others; whose parts they are, and what is
            part of them, is found when they are added.
        embeddings: N vectors, one a segment.
        origin: origin of all of them.

    Raises:
        ValueError: the parts do not belong together.
    """

    segments: Segments
    embeddings: Embeddings
    origin: Origin

    def __post_init__(self) -> None:
        if len(self.embeddings) != len(self.segments):
            raise ValueError(
                f"{len(self.embeddings)} vectors for {len(self.segments)} segments, one each is due"
            )


@dataclass(frozen=True)
class PhotoRow:
    """A remembered photo.

    Attributes:
        path: the first of its files that is still there; the first one when none is.
        size: (height, width) in pixels, upright.
        orientation: EXIF 1..8 of the file.
        taken_at: naive local time.
        perceptual_hash: 64 bits, as a signed integer.
        files: all files with this content, sorted.
        taken_offset: minutes that the local time is ahead of UTC, where the photo tells.
        taken_source: source of the time, where that is known.
        pixel_digest: digest of the decoded pixels, where it was taken.
        stamps: size and time of each of the files, as they were when last looked at.
    """

    id: int
    path: str
    content_hash: bytes
    format: str
    size: tuple[int, int]
    orientation: int
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    perceptual_hash: int
    files: tuple[str, ...]
    taken_offset: int | None = None
    taken_source: str | None = None
    pixel_digest: bytes | None = None
    stamps: tuple[FileStamp, ...] = ()

    def shown_at(self, pattern: PathPattern) -> PhotoRow:
        """This photo under the path of a file that a pattern means, where one of its files is."""
        if pattern.matches(self.path):
            return self
        return replace(self, path=next(filter(pattern.matches, self.files), self.path))


@dataclass(frozen=True)
class SegmentRow:
    """A remembered segment.

    Attributes:
        ordinal: its place among the photo's segments, from 0.
        frame: (height, width) of the working frame that counts, box and area are in, pixels.
        counts: COCO compressed run lengths.
        box: XYXY, x1 and y1 exclusive.
        area: pixels.
        quality: the segmenter's estimate, 0 to 1.
        parent_id: the smallest segment that contains this one.
        photo_hash: its photo's perceptual hash.
        origin: words that it was proposed for, and by what; None where indexing found it.
    """

    id: int
    photo_id: int
    ordinal: int
    frame: tuple[int, int]
    counts: bytes
    box: tuple[float, float, float, float]
    area: int
    quality: float
    parent_id: int | None
    photo_hash: int
    origin: Origin | None = None


class Counts(NamedTuple):
    """Counts of an index's photos, files and segments.

    Attributes:
        kept: number of the segments that were proposed for words, and kept.
    """

    photos: int
    segments: int
    files: int
    skipped: int
    kept: int = 0


class KnownFile(NamedTuple):
    """A remembered file: the photo that it shows, or why it was skipped (`kind`, `reason`)."""

    stamp: FileStamp
    photo_id: int | None
    kind: str | None = None
    reason: str | None = None


class SkippedFile(NamedTuple):
    """A file that was not indexed, and why; `kind` is the error's name."""

    path: str
    kind: str
    reason: str
