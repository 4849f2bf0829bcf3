"""The catalog: all that an index remembers, in one SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from indexer import rows, stored_vectors, transactions
from indexer.database import Database, index_missing
from indexer.manifest import store_manifest, stored_manifest
from indexer.migrations import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    migrate,
    require_not_newer,
    version_of,
)
from indexer.records import (
    Counts,
    Filter,
    IndexedPhoto,
    Manifest,
    PhotoRow,
    SegmentRow,
    SkippedFile,
)
from indexer.selection import Ids, selected_segments
from indexer.tables import PhotoTable, RootTable
from indexer.walk import FileStamp
from model.embeddings import require_same_space
from model.errors import IndexDamaged, StorageError, shown

FILE_NAME = "catalog.sqlite"


class Catalog:
    """Photos, their segments and vectors, and the files they were found in.

    One transaction a photo; any number of readers in other processes meanwhile, each statement
    sees the last commit. Threads may share a catalog. Every method raises what `Database` raises.
    """

    def __init__(self, folder: Path, database: Database, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._database = database

    @classmethod
    def create(cls, folder: Path | str, manifest: Manifest) -> Self:
        """Make the catalog of a new index, its folder too; open for writing.

        Raises:
            StorageError: there is one already.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"{shown(folder)} cannot be made ({error.strerror})", "name another with --index"
            ) from error
        database = Database(folder / FILE_NAME, create=True)
        try:
            _require_ours(database, made=False)
            migrate(database)
            with database.writing() as connection:
                store_manifest(connection, folder, manifest)
        except BaseException:
            database.close()
            raise
        return cls(folder, database, manifest)

    @classmethod
    def open(cls, folder: Path | str, *, readonly: bool = False) -> Self:
        """Open the catalog in a folder, bringing it to the newest schema first.

        Raises:
            IndexMissing: there is none, or it was never finished being made.
            IndexTooNew: a newer segsearch made it.
        """
        folder = Path(folder)
        path = folder / FILE_NAME
        database = Database(path, readonly=readonly)
        try:
            version = _require_ours(database, made=True)
            if version < SCHEMA_VERSION:
                writable = Database(path)
                try:
                    migrate(writable)
                finally:
                    writable.close()
            return cls(folder, database, stored_manifest(database))
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def schema_version(self) -> int:
        """Of the file."""
        with self._database.reading() as connection:
            return version_of(connection)

    @property
    def generation(self) -> int:
        """One more with every transaction that changed photos or segments."""
        with self._database.reading() as connection:
            return int(connection.exec_driver_sql("SELECT generation FROM state").scalar_one())

    # writing

    def add_photo(self, photo: IndexedPhoto, stamp: FileStamp) -> int:
        """Remember a photo and the file that shows it; returns the photo's id.

        Where the same content is known already, only the file is added to it.

        Raises:
            SpaceMismatch: its vectors are not of the index's space.
        """
        require_same_space(self.manifest.space, photo.embeddings.space)
        with self._database.writing() as connection:
            known = connection.execute(
                select(PhotoTable.id).where(PhotoTable.content_hash == photo.content_hash)
            ).scalar_one_or_none()
            photo_id = transactions.insert_photo(connection, photo) if known is None else known
            if transactions.put_file(connection, stamp, photo_id):
                transactions.count_generation(connection)
        return photo_id

    def attach_file(self, stamp: FileStamp, photo_id: int) -> None:
        """Remember one more file that shows a known photo, or a known file's new size or time."""
        with self._database.writing() as connection:
            if transactions.put_file(connection, stamp, photo_id):
                transactions.count_generation(connection)

    def skip_file(self, stamp: FileStamp, reason: str, kind: str) -> None:
        """Remember that a file was not indexed, and why; what it showed before is forgotten."""
        with self._database.writing() as connection:
            if transactions.put_file(connection, stamp, None, kind, reason):
                transactions.count_generation(connection)

    def forget_files(self, paths: Iterable[str]) -> int:
        """Forget files, and photos with their last one; returns how many photos went."""
        with self._database.writing() as connection:
            shown_photo, removed = transactions.remove_files(connection, paths)
            if shown_photo:
                transactions.count_generation(connection)
        return removed

    def remember_root(self, path: str) -> None:
        """Remember an absolute folder as indexed."""
        with self._database.writing() as connection:
            connection.execute(upsert(RootTable).values(path=path).on_conflict_do_nothing())

    # reading

    def roots(self) -> list[str]:
        """The folders that were indexed, sorted."""
        with self._database.reading() as connection:
            return list(
                connection.execute(select(RootTable.path).order_by(RootTable.path)).scalars()
            )

    def files(self, under: str | None = None) -> Iterator[tuple[FileStamp, int | None, str | None]]:
        """Known files by path: (stamp, photo id, reason it was skipped).

        Args:
            under: only this file, or the files in this folder and below.
        """
        after, before = b"", b"\xff"
        if under is not None:
            after = os.fsencode(under).rstrip(b"/") + b"/"
            before = after[:-1] + b"0"
            with self._database.reading() as connection:
                yield from rows.file_itself(connection, under)
        while True:
            with self._database.reading() as connection:
                block = rows.file_block(connection, after, before)
            if not block:
                return
            yield from block
            after = os.fsencode(block[-1][0].path)

    def photo_by_hash(self, content_hash: bytes) -> int | None:
        """The id of the photo with this content."""
        with self._database.reading() as connection:
            return connection.execute(
                select(PhotoTable.id).where(PhotoTable.content_hash == content_hash)
            ).scalar_one_or_none()

    def photos(self, ids: Iterable[int]) -> dict[int, PhotoRow]:
        """The photos of these ids; ids that are not there are left out."""
        with self._database.reading() as connection:
            return rows.photo_rows(connection, ids)

    def segments(self, ids: Iterable[int]) -> dict[int, SegmentRow]:
        """The segments of these ids; ids that are not there are left out."""
        with self._database.reading() as connection:
            return rows.segment_rows(connection, ids)

    def segments_of(self, photo_id: int) -> list[SegmentRow]:
        """A photo's segments, by ordinal."""
        with self._database.reading() as connection:
            return rows.segment_rows_of(connection, photo_id)

    def segment_ids(self, conditions: Filter | None = None) -> Ids:
        """Ids of the segments that meet all conditions, int64, ascending."""
        with self._database.reading() as connection:
            return selected_segments(connection, conditions)

    def vectors_of(self, segment_ids: Sequence[int] | Ids) -> NDArray[np.float32]:
        """N×D float32 of these segments, in the order asked; QueryError where one is not there."""
        with self._database.reading() as connection:
            return stored_vectors.vectors_of(connection, segment_ids, self.manifest.space.dimension)

    def photo_vector(self, photo_id: int) -> NDArray[np.float32]:
        """D float32 of a whole photo; QueryError where it is not there."""
        with self._database.reading() as connection:
            return stored_vectors.photo_vector(connection, photo_id)

    def vector_blocks(self, after_id: int = 0) -> Iterator[tuple[Ids, stored_vectors.Halves]]:
        """All segments' vectors in blocks of whole photos: n ids ascending, n×D float16.

        Holds one block at a time and no transaction in between, so a writer is never held up.
        """
        while True:
            with self._database.reading() as connection:
                block = stored_vectors.vector_block(
                    connection, after_id, self.manifest.space.dimension
                )
            if block is None:
                return
            yield block
            after_id = int(block[0][-1])

    def counts(self) -> Counts:
        """How much there is."""
        with self._database.reading() as connection:
            row = connection.exec_driver_sql(
                "SELECT count(*), coalesce(sum(segment_count), 0),"
                " (SELECT count(*) FROM files),"
                " (SELECT count(*) FROM files WHERE photo_id IS NULL) FROM photos"
            ).one()
        return Counts(*row)

    def skipped(self) -> list[SkippedFile]:
        """The files that were not indexed, by path."""
        with self._database.reading() as connection:
            found = connection.exec_driver_sql(
                "SELECT path, kind, reason FROM files WHERE photo_id IS NULL ORDER BY path"
            )
            return [SkippedFile(os.fsdecode(path), kind, reason) for path, kind, reason in found]


def _require_ours(database: Database, *, made: bool) -> int:
    """The schema version of a catalog that is ours, or nothing yet where `made` is not asked."""
    with database.reading() as connection:
        version = version_of(connection)
        ours = connection.exec_driver_sql("PRAGMA application_id").scalar_one() == APPLICATION_ID
        blank = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one()
    if blank and made:
        raise index_missing(database.path.parent)
    if not blank and not ours:
        raise IndexDamaged(
            f"{shown(database.path)} is not a catalog of segsearch",
            "name another folder with --index",
        )
    require_not_newer(version, database.path)
    return version
