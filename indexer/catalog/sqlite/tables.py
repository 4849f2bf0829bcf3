"""The catalog's tables, as SQLAlchemy sees them.

What a file of a given version really holds is decided by `indexer.catalog.sqlite.migrations`;
a test keeps the two alike.

A photo's segments are written at once, so their ids are contiguous: `photos.first_segment` and
`photos.segment_count` name them all, and a segment's ordinal is its id less the first one.
"""

from __future__ import annotations

import os
from datetime import datetime

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class PathBytes(TypeDecorator[str]):
    """A path in Python, its bytes on disk: a file name need not be valid UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """The path's bytes."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """The path."""
        return None if value is None else os.fsdecode(value)


class Tables(DeclarativeBase):
    """All tables of a catalog."""


class ManifestTable(Tables):
    """Preset and program that the index was made with; written once."""

    __tablename__ = "manifest"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class RevisionTable(Tables):
    """One row a generation: 16 random bytes that name the state it led to."""

    __tablename__ = "revisions"

    generation: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[bytes]


class RootTable(Tables):
    """Folders that were indexed, absolute."""

    __tablename__ = "roots"
    __table_args__ = ({"sqlite_with_rowid": False},)

    path: Mapped[str] = mapped_column(PathBytes, primary_key=True)


class PhotoTable(Tables):
    """One row for each content.

    `height`, `width` upright, `frame_*` the masks' working frame; `taken_offset` in minutes ahead
    of UTC.
    """

    __tablename__ = "photos"
    __table_args__ = (Index("photos_by_pixels", "pixel_digest"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(unique=True)
    format: Mapped[str]
    height: Mapped[int]
    width: Mapped[int]
    orientation: Mapped[int]
    taken_at: Mapped[datetime | None] = mapped_column(DateTime)
    camera: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    perceptual_hash: Mapped[int]
    frame_height: Mapped[int]
    frame_width: Mapped[int]
    first_segment: Mapped[int]
    segment_count: Mapped[int]
    seconds: Mapped[float]
    pixel_digest: Mapped[bytes | None]
    taken_offset: Mapped[int | None]
    taken_source: Mapped[str | None]
    seal: Mapped[int | None]


class SegmentTable(Tables):
    """`box` packed by `box_codec`, `area` in pixels of the frame, `parent` an ordinal."""

    __tablename__ = "segments"
    # One index serves the foreign key and, with the id that it carries, every filter by area.
    __table_args__ = (
        Index("segments_by_area", "photo_id", "area"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    parent: Mapped[int | None]
    area: Mapped[int]
    quality: Mapped[float]
    box: Mapped[bytes]
    counts: Mapped[bytes]
    seal: Mapped[int | None]


class VectorTable(Tables):
    """Vector of a segment, packed by `vector_codec`; apart from its row, so that pages of rows are
    few."""

    __tablename__ = "vectors"

    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True
    )
    vector: Mapped[bytes]
    seal: Mapped[int | None]


class OriginTable(Tables):
    """Words that a segment was proposed for and the proposer's fingerprint; no row for segments
    that indexing found."""

    __tablename__ = "origins"

    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True
    )
    prompt: Mapped[str]
    proposer: Mapped[str]
    seal: Mapped[int | None]


class PhotoVectorTable(Tables):
    """Vectors of whole photos, packed by `indexer.catalog.vector_codec`."""

    __tablename__ = "photo_vectors"

    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True
    )
    vector: Mapped[bytes]
    seal: Mapped[int | None]


class FileTable(Tables):
    """A file either shows a photo, or was skipped for a reason.

    `name_start` is where the base name begins, in bytes. A photo that is dropped takes its files
    along, so that the next run meets them as new ones.
    """

    __tablename__ = "files"
    __table_args__ = (
        Index("files_by_photo", "photo_id"),
        {"sqlite_with_rowid": False},
    )

    path: Mapped[str] = mapped_column(PathBytes, primary_key=True)
    name_start: Mapped[int]
    size: Mapped[int]
    mtime_ns: Mapped[int]
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    kind: Mapped[str | None]
    reason: Mapped[str | None]
    seal: Mapped[int | None]
