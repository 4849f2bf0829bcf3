"""Records that go into the catalog and come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from numbers import Real
from secrets import token_hex
from typing import NamedTuple

from indexer.catalog.date_text import as_moment
from indexer.catalog.path_pattern import PathPattern, require_path
from indexer.catalog.photo_ninths import ninths_named
from model.argument_types import require_type
from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import QueryError
from model.masks.segments import Segments
from model.photos.images import PhotoHeader

FURTHEST_PLACE = 20_040.0  # kilometres, half the way around the Earth
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


@dataclass(frozen=True)
class Filter:
    """Exact conditions on photos and segments; what is not given is not asked.

    Attributes:
        path_glob: a pattern of paths, a folder or a name, as `PathPattern` reads it.
        after: taken at this naive local time or later; a photo without a time never matches. May be
            given as a text, as 2023-05 or 2023-05-17 14:30, or as a date: what that begins with.
        before: taken earlier than this; given as the same.
        camera: part of the camera's name, in any case.
        min_area: least share of the photo that a segment covers, 0 to 1.
        max_area: largest share of the photo that a segment covers, 0 to 1.
        format: format of the photo's file, as "JPEG".
        photo_ids: only these photos.
        near: latitude, longitude (degrees, WGS 84) and kilometres: only photos that tell where they
            were taken, within that distance.
        places: where in its photo the middle of a segment's box lies, one of these: a row of
            thirds (top, middle, bottom), a column (left, centre, right), or both, as "top left".

    Raises:
        QueryError: a condition makes no sense.
    """

    path_glob: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    camera: str | None = None
    min_area: float = 0.0
    photo_ids: tuple[int, ...] | None = None
    max_area: float = 1.0
    format: str | None = None
    near: tuple[float, float, float] | None = None
    places: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ninths_named(self.places)
        for name, share in (("least", self.min_area), ("largest", self.max_area)):
            require_type(f"the {name} area", share, Real, "a number from 0 to 1")
            if not 0 <= share <= 1:
                raise QueryError(f"a {name} area of {share} is no share of a photo", "give 0 to 1")
        if self.near is not None:
            _require_place(*self.near)
        for name in ("path_glob", "camera", "format"):
            require_type(f"Filter.{name}", getattr(self, name), str | None, "a text or None")
        if self.path_glob is not None:
            require_path(self.path_glob)
        for name in ("after", "before"):
            object.__setattr__(self, name, as_moment(getattr(self, name)))
        for moment in (self.after, self.before):
            if moment is not None and moment.tzinfo is not None:
                raise QueryError(
                    f"{moment.isoformat()} has a time zone, photos tell only local time",
                    "leave the time zone out",
                )


def _require_place(latitude: float, longitude: float, kilometres: float) -> None:
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and 0 < kilometres <= FURTHEST_PLACE):
        raise QueryError(
            f"{latitude}, {longitude} and {kilometres} km are no place",
            "give latitude (-90 to 90), longitude (-180 to 180) and kilometres, as 48.2,16.4,5",
        )


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
