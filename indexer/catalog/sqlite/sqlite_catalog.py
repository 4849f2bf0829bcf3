"""The catalog: all that an index remembers, in one SQLite file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from sqlalchemy.dialects.sqlite import insert as upsert

from indexer.catalog.catalog import Catalog
from indexer.catalog.records import (
    AddedSegments,
    FileStamp,
    IndexedPhoto,
    KnownFile,
    Manifest,
    ReadPhoto,
)
from indexer.catalog.sqlite import rows, transactions
from indexer.catalog.sqlite.additions import rewrite_with
from indexer.catalog.sqlite.audit import Problem, find_problems, mend
from indexer.catalog.sqlite.database import (
    APPLICATION_ID,
    Database,
    header_holds,
)
from indexer.catalog.sqlite.failures import TO_MEND, index_missing
from indexer.catalog.sqlite.migrations import (
    migrate,
    newest_version,
    require_not_newer,
    version_of,
)
from indexer.catalog.sqlite.sqlite_reader import SqliteReader
from indexer.catalog.sqlite.stored_manifest import store_manifest, stored_manifest
from indexer.catalog.sqlite.tables import RootTable
from indexer.catalog.sqlite.whole_photos import insert_photos
from indexer.catalog.whole_photos import WholePhotos
from model.embeddings import require_same_space
from model.errors import IndexDamaged, StorageError, shown

FILE_NAME = "catalog.sqlite"
FOREIGN_VERSION = 1000
"""No segsearch will ever make a schema of this version: such a number is damage."""


class SqliteCatalog(SqliteReader, Catalog):
    """Photos, their segments and vectors, and the files they were found in.

    One transaction a photo; any number of readers in other processes meanwhile. Threads may share
    a catalog. Every method raises what `Database` raises.
    """

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
                f"{shown(folder)} cannot be made ({error.strerror})", "name another folder"
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
    def open(cls, folder: Path | str, *, readonly: bool = False, aside: Path | None = None) -> Self:
        """Open the catalog in a folder, bringing it to the newest schema first.

        Args:
            folder: index folder.
            readonly: never write rows.
            aside: folder for a copy, which is opened in its stead where the schema is older: the
                catalog itself then stays as it is.

        Raises:
            IndexMissing: there is none, or it was never finished being made.
            IndexTooNew: a newer segsearch made it.
        """
        folder = Path(folder)
        path = folder / FILE_NAME
        database = Database(path, readonly=readonly)
        try:
            version = _require_ours(database, made=True)
            if version < newest_version() and aside is not None:
                with database.reading() as connection:
                    connection.exec_driver_sql("COMMIT")
                    connection.exec_driver_sql("VACUUM INTO ?", (str(aside / FILE_NAME),))
                    connection.exec_driver_sql("BEGIN")
                database.close()
                return cls.open(aside, readonly=readonly)
            if version < newest_version():
                writable = Database(path)
                try:
                    migrate(writable)
                finally:
                    writable.close()
            return cls(folder, database, stored_manifest(database))
        except BaseException:
            database.close()
            raise

    def remember_photo(self, photo: IndexedPhoto, stamp: FileStamp) -> tuple[int, bool]:
        """Remember a photo and the file that shows it; its id, and whether it was not known."""
        require_same_space(self.manifest.space, photo.embeddings.space)
        whole = WholePhotos.of(photo, stamp)
        with self.database.writing() as connection:
            known = transactions.known_photo(connection, photo, stamp.path)
            if known is None:
                (photo_id,) = insert_photos(connection, whole)
                transactions.count_generation(connection)
                return photo_id, True
            transactions.describe_anew(connection, known, photo, stamp.path)
            if transactions.put_files(connection, [KnownFile(stamp, known)]):
                transactions.count_generation(connection)
        return known, False

    def add_whole_photos(self, photos: WholePhotos) -> list[int]:
        """Remember photos with all that belongs to them, in one transaction; returns their ids."""
        with self.database.writing() as connection:
            known = rows.ids_by_hash(connection, [row.content_hash for row in photos.rows])
            fresh = photos.without(known)
            if not len(fresh):
                return []
            ids = insert_photos(connection, fresh)
            transactions.count_generation(connection)
        return ids

    def add_segments(self, photo_id: int, added: AddedSegments) -> list[int]:
        """Add segments to a photo, after those that it has; returns their ids, in their order.

        All segments of the photo get new ids; their ordinals, masks and vectors stay.

        Raises:
            QueryError: there is no such photo.
            SpaceMismatch: the vectors are not of the index's space.
            StorageError: the photo would have more segments than one can have.
        """
        require_same_space(self.manifest.space, added.embeddings.space)
        with self.database.writing() as connection:
            ids = rewrite_with(connection, photo_id, added, self.manifest.space.dimension)
            if ids:
                transactions.count_generation(connection)
        return ids

    def add_file(self, photo: ReadPhoto, stamp: FileStamp) -> int | None:
        """Remember a file of a known photo, by its content or its pixels; returns the photo's id.

        None, and nothing is remembered, where no such photo is known.
        """
        with self.database.writing() as connection:
            photo_id = transactions.known_photo(connection, photo, stamp.path)
            if photo_id is not None:
                transactions.describe_anew(connection, photo_id, photo, stamp.path)
                if transactions.put_files(connection, [KnownFile(stamp, photo_id)]):
                    transactions.count_generation(connection)
        return photo_id

    def move_files(self, shown: Iterable[tuple[FileStamp, int]], gone: Iterable[str]) -> None:
        """Remember what known photos are called now, and forget what they were called before.

        All at once, so that photos may exchange their names and none goes in between.

        Args:
            shown: files, and the id of the photo that each shows.
            gone: paths to forget.
        """
        with self.database.writing() as connection:
            changed = transactions.put_files(connection, [KnownFile(*each) for each in shown])
            forgotten, _ = transactions.remove_files(connection, gone)
            if changed or forgotten:
                transactions.count_generation(connection)

    def skip_file(self, stamp: FileStamp, reason: str, kind: str) -> None:
        """Remember that a file was not indexed, and why; what it showed before is forgotten."""
        skipped = KnownFile(stamp, None, kind, reason)
        with self.database.writing() as connection:
            if transactions.put_files(connection, [skipped]):
                transactions.count_generation(connection)

    def forget_files(self, paths: Iterable[str]) -> int:
        """Forget files, and photos with their last one; returns how many photos went."""
        with self.database.writing() as connection:
            showing, removed = transactions.remove_files(connection, paths)
            if showing:
                transactions.count_generation(connection)
        if removed:
            self.database.compact()
        return removed

    def remember_root(self, path: str) -> None:
        """Remember an absolute folder as indexed."""
        with self.database.writing() as connection:
            connection.execute(upsert(RootTable).values(path=path).on_conflict_do_nothing())

    # care

    def check(self, *, full: bool = False) -> list[str]:
        """Faults of the catalog, a line each; none where all is well.

        Args:
            full: measure the masks of all photos, not of a sample.
        """
        return [problem.line for problem in self._problems(full=full)]

    def repair(self, *, full: bool = False) -> list[str]:
        """Drop what is broken, so that the next index run makes it anew; says what it did.

        Raises:
            IndexDamaged: the file itself is; nothing is changed.
        """
        lines: list[str] = []
        for _ in range(2):  # once SQLite's indexes are made anew, rows may be seen as they are
            problems = self._problems(full=full)
            if not problems:
                break
            if not header_holds(self.database.path):
                raise IndexDamaged(problems[0].line)
            with self.database.writing() as connection:
                lines += mend(connection, problems, self.database.path)
                transactions.count_generation(connection)
            self.database.compact()
        return lines

    def _problems(self, *, full: bool) -> list[Problem]:
        found: list[Problem] = []
        if not header_holds(self.database.path):
            found.append(Problem(f"the header of {FILE_NAME} is not what was written: {TO_MEND}"))
        try:
            with self.database.reading() as connection:
                for problem in find_problems(connection, self.manifest.space.dimension, full=full):
                    found.append(problem)
        except IndexDamaged as error:
            found.append(Problem(str(error)))
        return found


def _require_ours(database: Database, *, made: bool) -> int:
    """The schema version of a catalog that is ours, or nothing yet where `made` is not asked."""
    with database.reading() as connection:
        version = version_of(connection)
        ours = connection.exec_driver_sql("PRAGMA application_id").scalar_one() == APPLICATION_ID
        blank = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one()
        tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_schema").scalars())
    if blank and made:
        raise index_missing(database.path.parent)
    told = 1 <= version < FOREIGN_VERSION
    if not blank and {"photos", "segments", "manifest"} <= tables and not (ours and told):
        raise IndexDamaged(
            f"{shown(database.path)} does not tell its version of the schema any more", TO_MEND
        )
    if not blank and not ours:
        raise IndexDamaged(
            f"{shown(database.path)} is not a catalog of segsearch",
            "name another folder for the index",
        )
    require_not_newer(version, database.path)
    return version
