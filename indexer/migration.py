"""Migration: all that one index remembers, carried into another, whatever holds the two.

Photos, segments and vectors are copied as they are; ids are the target's own. It may be stopped
at any time: a photo whose content the target has is not copied again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import numpy as np

from indexer.backends import create_catalog, has_one_writer, keeper_of, open_catalog
from indexer.catalog import vector_codec
from indexer.catalog.catalog import Catalog, CatalogReader
from indexer.catalog.records import AddedSegments, IndexedPhoto, PhotoRow, SegmentRow
from indexer.lock import WriterLock
from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import IndexMissing, PresetMismatch, StorageError, shown
from model.masks.segments import Segments
from model.photos.images import PhotoHeader

if TYPE_CHECKING:
    from model.photos.metadata import DateSource

AT_ONCE = 1000
"""Photos whose checksums are compared together."""


@dataclass(frozen=True)
class MigrationReport:
    """What a migration did, or would do.

    Attributes:
        copied: photos that the target did not have.
        there: photos that it had already.
        segments: segments of those that were copied.
        others: photos of the target that the source does not have.
        note: one line where the target's vectors could not be made ready, else "".
    """

    copied: int
    there: int
    segments: int
    others: int
    note: str = ""

    def to_dict(self) -> dict[str, int | str]:
        """The report as plain data."""
        return dict(vars(self))


@dataclass(frozen=True)
class _Whole:
    """A photo with all that belongs to it.

    Attributes:
        row: the photo.
        segments: its segments by ordinal.
        vectors: N×D float32, one a segment.
        vector: 1×D float32, of the whole photo.
    """

    row: PhotoRow
    segments: Sequence[SegmentRow]
    vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
    vector: np.ndarray[tuple[int, ...], np.dtype[np.float32]]

    @property
    def checksum(self) -> bytes:
        """Digest of all but ids: 16 bytes."""
        row = self.row
        parents = {each.id: each.ordinal for each in self.segments}
        names = sorted((stamp.path, stamp.size, stamp.mtime_ns) for stamp in row.stamps)
        of_photo = (row.content_hash, _header(row), row.perceptual_hash, row.pixel_digest, names)
        digest = blake2b(repr(of_photo).encode(), digest_size=16)
        for each in self.segments:
            parent = None if each.parent_id is None else parents[each.parent_id]
            box = tuple(np.asarray(each.box, np.float32).tolist())
            told = (each.ordinal, each.frame, box, each.area, np.float32(each.quality), parent)
            digest.update(repr((told, each.origin)).encode())
            digest.update(each.counts)
        for vectors in (self.vectors, self.vector):
            digest.update(b"".join(vector_codec.pack(vectors)) if len(vectors) else b"")
        return digest.digest()


def migrate(
    source: Path,
    target: Path,
    *,
    dry_run: bool = False,
    told: Callable[[int, int], None] = lambda done, photos: None,
) -> MigrationReport:
    """Copy all that the index in one folder remembers into the one in another.

    The source is only read. After each thousand photos both sides' checksums are compared.

    Args:
        source, target: index folders (`indexer.location.index_folder`); the target is made where
            there is none yet.
        dry_run: find out what would be copied, and write nothing.
        told: called with the number of photos that were looked at and that there are.

    Raises:
        IndexMissing: there is no index to copy.
        PresetMismatch: the target was made with another preset or other weights.
        IndexLocked: another process writes to the target.
        StorageError: an index cannot be read or written, or a copy is not what was copied.
    """
    if source.absolute() == target.absolute():
        raise StorageError(f"{shown(source)} is both source and target", "name another target")
    with ExitStack() as stack:
        aside = Path(stack.enter_context(TemporaryDirectory()))
        old = stack.enter_context(open_catalog(source, readonly=True, aside=aside))
        stack.enter_context(old.snapshot())
        # asked once: each is a look at all photos
        counts, seconds = old.counts(), old.seconds_per_photo() or 0.0
        new = _target(target, old, dry_run, stack)
        known = set() if new is None else set(new.content_hashes())
        there = copied = segments = 0
        for rows in _portions(old):
            fresh = [row for row in rows if row.content_hash not in known]
            there += len(rows) - len(fresh)
            copied += len(fresh)
            if dry_run or new is None:
                segments += sum(len(old.segments_of(row.id)) for row in fresh)
            else:
                segments += _copy(old, new, rows, fresh, seconds, kept=counts.kept > 0)
            told(there + copied, counts.photos)
        others = len(known) - there
        note = ""
        if new is not None and not dry_run:
            _copy_the_rest(old, new)
            note = keeper_of(target, new).sync_if_behind()
    return MigrationReport(copied, there, segments, others, note)


def _target(target: Path, old: CatalogReader, dry_run: bool, stack: ExitStack) -> Catalog | None:
    """The target's catalog, open for writing; None where there is none, and none is to be made."""
    if not dry_run and has_one_writer(target):
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"the folder {shown(target)} cannot be made ({error.strerror})", "name another one"
            ) from error
        stack.enter_context(WriterLock(target))
    try:
        new = open_catalog(target, readonly=dry_run)
    except IndexMissing:
        if dry_run:
            return None
        new = create_catalog(target, replace(old.manifest, catalog_id=token_hex(16)))
    stack.enter_context(new)
    ours, theirs = old.manifest, new.manifest
    same = ours.settings.get("fingerprint") == theirs.settings.get("fingerprint")
    if ours.space != theirs.space or not same:
        raise PresetMismatch(
            f"{shown(target)} was made with another preset ({theirs.preset}) or other weights than"
            f" {shown(old.folder)} ({ours.preset})",
            "migrate into a new index",
        )
    return new


def _portions(old: CatalogReader) -> Iterator[list[PhotoRow]]:
    """All photos, some at a time, by id."""
    ids = old.photo_ids().tolist()
    for start in range(0, len(ids), AT_ONCE):
        found = old.photos(ids[start : start + AT_ONCE])
        yield [found[each] for each in sorted(found)]


def _copy(
    old: CatalogReader,
    new: Catalog,
    rows: Sequence[PhotoRow],
    fresh: Sequence[PhotoRow],
    seconds: float,
    *,
    kept: bool,
) -> int:
    """Copy photos that are fresh, and the names of all; the number of segments copied."""
    count = 0
    checksums: dict[bytes, bytes] = {}
    for row in fresh:
        whole = _whole(old, row)
        checksums[row.content_hash] = whole.checksum
        count += len(whole.segments)
        photo_id = new.add_photo(_indexed(whole, old.manifest.space, seconds), row.stamps[0])
        _add_kept(whole, new, photo_id, old.manifest.space)
    if kept:
        for row in rows:  # a run that was stopped may have left a photo without what was kept of it
            _complete(old, new, row)
    ids = {row: new.photo_by_hash(row.content_hash) for row in rows}
    shown_by = [(stamp, id_) for row, id_ in ids.items() if id_ for stamp in row.stamps]
    new.move_files(shown_by, ())
    copies = new.photos(id_ for row in fresh if (id_ := ids[row]))
    for copy in copies.values():
        if _whole(new, copy).checksum != checksums[copy.content_hash]:
            raise StorageError(
                f"the copy of {shown(copy.path)} is not what was copied",
                "look at both indexes (segsearch doctor), remove the target, then migrate again",
            )
    return count


def _complete(old: CatalogReader, new: Catalog, row: PhotoRow) -> None:
    """Add what was kept of a photo, and its copy lacks."""
    photo_id = new.photo_by_hash(row.content_hash)
    if photo_id is None:
        return
    segments = old.segments_of(row.id)
    if len(new.segments_of(photo_id)) < len(segments):
        _add_kept(_whole(old, row), new, photo_id, old.manifest.space)


def _add_kept(whole: _Whole, new: Catalog, photo_id: int, space: EmbeddingSpace) -> None:
    """Add segments that were proposed for words, as they were kept one after the other."""
    if not any(each.origin for each in whole.segments):
        return
    there = len(new.segments_of(photo_id))
    for origin, group in groupby(whole.segments[there:], lambda each: each.origin):
        assert origin is not None
        chosen = [each.ordinal for each in group]
        added = AddedSegments(
            _segments([whole.segments[ordinal] for ordinal in chosen], {}),
            Embeddings(whole.vectors[chosen], space),
            origin,
        )
        new.add_segments(photo_id, added)


def _copy_the_rest(old: CatalogReader, new: Catalog) -> None:
    """Carry over files that were skipped, and the folders that were indexed."""
    for file in old.files():
        if file.photo_id is None and file.kind is not None:
            new.skip_file(file.stamp, file.reason or "", file.kind)
    for root in old.roots():
        new.remember_root(root)


def _whole(catalog: CatalogReader, row: PhotoRow) -> _Whole:
    segments = catalog.segments_of(row.id)
    vectors = catalog.vectors_of([each.id for each in segments])
    return _Whole(row, segments, vectors, catalog.photo_vector(row.id)[None])


def _indexed(whole: _Whole, space: EmbeddingSpace, seconds: float) -> IndexedPhoto:
    """The photo as indexing made it, without what was kept of proposals."""
    row = whole.row
    found = [each for each in whole.segments if each.origin is None]
    ordinals = {each.id: each.ordinal for each in found}
    return IndexedPhoto(
        content_hash=row.content_hash,
        header=_header(row),
        perceptual_hash=row.perceptual_hash,
        segments=_segments(found, ordinals),
        embeddings=Embeddings(whole.vectors[: len(found)], space),
        photo_embedding=Embeddings(whole.vector, space),
        seconds=seconds,
        pixel_digest=row.pixel_digest,
    )


def _segments(rows: Sequence[SegmentRow], ordinals: Mapping[int, int]) -> Segments:
    """Rows of one photo as segments; a parent that is not among the ordinals counts as none."""
    if not rows:
        return Segments.empty((1, 1))
    parents = [ordinals.get(-1 if each.parent_id is None else each.parent_id, -1) for each in rows]
    return Segments(
        rows[0].frame,
        tuple(each.counts for each in rows),
        np.array([each.box for each in rows], np.float32),
        np.array([each.area for each in rows], np.int64),
        np.array([each.quality for each in rows], np.float32),
        np.array(parents, np.int64),
    )


def _header(row: PhotoRow) -> PhotoHeader:
    return PhotoHeader(
        format=row.format,
        size=row.size,
        orientation=row.orientation,
        taken_at=row.taken_at,
        camera=row.camera,
        latitude=row.latitude,
        longitude=row.longitude,
        taken_offset=row.taken_offset,
        taken_source=cast("DateSource | None", row.taken_source),
    )
