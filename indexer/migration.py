"""Migration: all that one index remembers, carried into another, whatever holds the two.

Photos, segments and vectors are copied as they are; ids are the target's own. It may be stopped
at any time: a photo whose content the target has is not copied again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import numpy as np

from indexer.backends import create_catalog, has_one_writer, keeper_of, open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import AddedSegments, PhotoRow, SegmentRow
from indexer.catalog.whole_photos import WholePhotos
from indexer.lock import WriterLock
from indexer.stages import stage
from model.embeddings import Embeddings
from model.errors import IndexDamaged, IndexMissing, PresetMismatch, StorageError, shown
from model.masks.segments import Segments

AT_ONCE = 1000
"""Photos that the target is asked for together."""


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


def migrate(
    source: Path,
    target: Path,
    *,
    dry_run: bool = False,
    told: Callable[[int, int], None] = lambda done, photos: None,
) -> MigrationReport:
    """Copy all that the index in one folder remembers into the one in another.

    The source is only read. Some dozen photos are one transaction; after each, both sides'
    checksums are compared. Reading, writing and comparing go on side by side.

    Args:
        source, target: index folders (`indexer.location.index_folder`); the target is made where
            there is none yet.
        dry_run: find out what would be copied, and write nothing.
        told: called with the number of photos that were looked at and that there are.

    Raises:
        IndexMissing: there is no index to copy.
        IndexDamaged: the source, or the copy, is not what was written.
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
        new = _target(target, old, dry_run, stack)
        # asked once: each is a look at all photos
        photos, many = old.counts().photos, _segment_counts(old) if dry_run else {}
        kept = set(old.kept_photos().tolist())
        there = copied = segments = 0
        for rows in _portions(old):
            known = {} if new is None else new.photos_by_hash(row.content_hash for row in rows)
            fresh = [row.id for row in rows if row.content_hash not in known]
            there += len(known)
            if dry_run or new is None:
                copied += len(fresh)
                segments += sum(many[each] for each in fresh)
                told(there + copied, photos)
                continue
            if known:
                _complete(old, new, [row for row in rows if row.content_hash in known], known, kept)
                told(there + copied, photos)
            written = stage(partial(_write, old, new), old.whole_photos(fresh))
            for some in stage(partial(_compare, new), written):
                copied += len(some)
                segments += len(some.counts)
                told(there + copied, photos)
        if there + copied < photos:
            raise IndexDamaged(
                f"{photos - there - copied} photos of {shown(old.folder)} cannot be found by their"
                " numbers",
                "segsearch doctor --fix saves what can be saved, then migrate again",
            )
        others = 0 if new is None else new.counts().photos - there - (0 if dry_run else copied)
        note = ""
        if new is not None and not dry_run:
            _copy_the_rest(old, new)
            note = keeper_of(target, new).sync_if_behind()
    return MigrationReport(copied, there, segments, max(0, others), note)


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


def _segment_counts(old: CatalogReader) -> dict[int, int]:
    """Number of each photo's segments, by its id."""
    columns = old.photo_columns()
    return dict(zip(columns.ids.tolist(), columns.segment_counts.tolist(), strict=True))


def _portions(old: CatalogReader) -> Iterator[list[PhotoRow]]:
    """All photos, some at a time, by id."""
    ids = old.photo_ids().tolist()
    for start in range(0, len(ids), AT_ONCE):
        found = old.photos(ids[start : start + AT_ONCE])
        yield [found[each] for each in sorted(found)]


def _write(
    old: CatalogReader, new: Catalog, photos: WholePhotos
) -> tuple[WholePhotos, Sequence[int]]:
    """Write photos; they, and their ids in the target."""
    try:
        return photos, new.add_whole_photos(photos)
    except (OverflowError, UnicodeError) as error:
        raise StorageError(
            f"one of the photos {photos.rows[0].id} to {photos.rows[-1].id} of {shown(old.folder)}"
            f" says what the target cannot hold ({shown(error)})",
            "look at it with segsearch doctor, then migrate again",
        ) from error


def _compare(new: CatalogReader, written: tuple[WholePhotos, Sequence[int]]) -> WholePhotos:
    """Compare the checksums of photos and of their copies; the photos."""
    photos, ids = written
    checksums = photos.checksums()
    for copies in new.whole_photos(ids):
        for row, checksum in zip(copies.rows, copies.checksums().values(), strict=True):
            if checksum != checksums[row.content_hash]:
                raise StorageError(
                    f"the copy of {shown(row.path)} is not what was copied",
                    "look at both indexes (segsearch doctor), remove the target, then migrate"
                    " again",
                )
    return photos


def _complete(
    old: CatalogReader,
    new: Catalog,
    rows: Sequence[PhotoRow],
    known: Mapping[bytes, int],
    kept: Set[int],
) -> None:
    """Bring the target's photos up to date: their files, and what was kept of them since.

    Args:
        old, new: source and target.
        rows: photos of the source that the target has.
        known: ids of these in the target, by content.
        kept: ids of the source's photos with segments that were kept.
    """
    ids = [known[row.content_hash] for row in rows]
    there = list(zip(rows, ids, strict=True))
    new.move_files([(stamp, copy_id) for row, copy_id in there for stamp in row.stamps], ())
    for row, copy_id in there:
        if row.id in kept:
            _add_kept(old, new, row.id, copy_id)


def _add_kept(old: CatalogReader, new: Catalog, photo_id: int, copy_id: int) -> None:
    """Add segments that were kept of a photo since it was copied, in the order they were kept."""
    held = old.segments_of(photo_id)
    for origin, group in groupby(held[len(new.segments_of(copy_id)) :], lambda each: each.origin):
        if origin is not None:
            kept = list(group)
            vectors = old.vectors_of([each.id for each in kept])
            embeddings = Embeddings(vectors, old.manifest.space)
            new.add_segments(copy_id, AddedSegments(_segments(kept), embeddings, origin))


def _segments(rows: Sequence[SegmentRow]) -> Segments:
    """Rows of one photo, without what they are part of: that is found where they are added."""
    return Segments(
        rows[0].frame,
        tuple(each.counts for each in rows),
        np.array([each.box for each in rows], np.float32),
        np.array([each.area for each in rows], np.int64),
        np.array([each.quality for each in rows], np.float32),
        np.full(len(rows), -1, np.int64),
    )


def _copy_the_rest(old: CatalogReader, new: Catalog) -> None:
    """Carry over files that were skipped, and the folders that were indexed."""
    for file in old.files():
        if file.photo_id is None and file.kind is not None:
            new.skip_file(file.stamp, file.reason or "", file.kind)
    for root in old.roots():
        new.remember_root(root)
