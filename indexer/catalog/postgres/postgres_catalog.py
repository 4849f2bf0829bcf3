"""The catalog in PostgreSQL: all that an index remembers, in one schema of a database."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from indexer.catalog.catalog import Catalog
from indexer.catalog.postgres import failures, rows, transactions
from indexer.catalog.postgres.additions import rewrite_with
from indexer.catalog.postgres.audit import find_problems
from indexer.catalog.postgres.database import Connection, Database
from indexer.catalog.postgres.insertion import PreparedPhoto, insert_photo, insert_photos
from indexer.catalog.postgres.postgres_jobs import PostgresJobs
from indexer.catalog.postgres.postgres_reader import PostgresReader
from indexer.catalog.postgres.schema import create_schema, has_tables
from indexer.catalog.postgres.stored_manifest import store_manifest, stored_manifest
from indexer.catalog.records import (
    AddedSegments,
    FileStamp,
    IndexedPhoto,
    KnownFile,
    Manifest,
    ReadPhoto,
)
from indexer.catalog.whole_photos import WholePhotos
from indexer.location import Location
from model.embeddings import require_same_space


class PostgresCatalog(PostgresReader, Catalog):
    """Photos, their segments and vectors, and the files they were found in.

    Any number of processes may write at once: each change waits for its turn at the counters. A
    transaction that the server breaks off is tried again for two minutes.
    """

    @classmethod
    def create(cls, folder: Path, location: Location, manifest: Manifest) -> Self:
        """Make the catalog of a new index; open for writing.

        Raises:
            StorageError: there is one already, or the server cannot hold one.
        """
        database = Database(location)
        try:
            dimension = manifest.space.dimension
            create_schema(database, dimension, lambda made: store_manifest(made, manifest))
        finally:
            database.close()  # its connections do not know the extension yet
        return cls.open(folder, location)

    @classmethod
    def open(cls, folder: Path, location: Location, *, readonly: bool = False) -> Self:
        """Open the catalog at a location.

        Raises:
            IndexMissing: there is none.
            IndexTooNew: a newer segsearch made it.
        """
        database = Database(location, readonly=readonly)
        try:
            with database.reading() as connection:
                if not has_tables(connection, location):
                    raise failures.index_missing(location)
                manifest, version = stored_manifest(connection, location)
            return cls(folder, database, manifest, version)
        except BaseException:
            database.close()
            raise

    def remember_photo(self, photo: IndexedPhoto, stamp: FileStamp) -> tuple[int, bool]:
        """Remember a photo and the file that shows it; its id, and whether it was not known."""
        require_same_space(self.manifest.space, photo.embeddings.space)
        prepared = PreparedPhoto.of(photo, stamp)

        def deed(connection: Connection) -> tuple[int, bool]:
            head, known = transactions.locked_head_and_known(connection, photo)
            if known is None:
                return insert_photo(connection, head, prepared), True
            transactions.describe_anew(connection, known, photo, stamp.path)
            if transactions.put_files(connection, [KnownFile(stamp, known)]):
                transactions.count_generation(connection, head)
            return known, False

        return self.database.write(deed)

    def add_whole_photos(self, photos: WholePhotos) -> list[int]:
        """Remember photos with all that belongs to them, in one transaction; returns their ids."""

        def deed(connection: Connection) -> list[int]:
            head = transactions.locked_head(connection)
            known = rows.ids_by_hash(connection, [row.content_hash for row in photos.rows])
            fresh = photos.without(known)
            return insert_photos(connection, head, fresh) if len(fresh) else []

        return self.database.write(deed)

    def add_segments(self, photo_id: int, added: AddedSegments) -> list[int]:
        """Add segments to a photo, after those that it has; returns their ids, in their order.

        All segments of the photo get new ids; their ordinals, masks and vectors stay. Where the
        server breaks off it is not tried again: nobody knows then whether it was done.

        Raises:
            QueryError: there is no such photo.
            SpaceMismatch: the vectors are not of the index's space.
            StorageError: the photo would have more segments than one can have.
        """
        require_same_space(self.manifest.space, added.embeddings.space)

        def deed(connection: Connection) -> list[int]:
            head = transactions.locked_head(connection)
            ids = rewrite_with(connection, head, photo_id, added)
            if ids:
                transactions.count_generation(connection, head)
            return ids

        return self.database.write(deed, again=False)

    def add_file(self, photo: ReadPhoto, stamp: FileStamp) -> int | None:
        """Remember a file of a known photo, by its content or its pixels; returns the photo's id.

        None, and nothing is remembered, where no such photo is known.
        """

        def deed(connection: Connection) -> int | None:
            head = transactions.locked_head(connection)
            photo_id = transactions.known_photo(connection, photo)
            if photo_id is not None:
                transactions.describe_anew(connection, photo_id, photo, stamp.path)
                if transactions.put_files(connection, [KnownFile(stamp, photo_id)]):
                    transactions.count_generation(connection, head)
            return photo_id

        return self.database.write(deed)

    def move_files(self, shown: Iterable[tuple[FileStamp, int]], gone: Iterable[str]) -> None:
        """Remember what known photos are called now, and forget what they were called before.

        All at once, so that photos may exchange their names and none goes in between.

        Args:
            shown: files, and the id of the photo that each shows.
            gone: paths to forget.
        """
        told, lost = [KnownFile(*each) for each in shown], list(gone)
        if not told and not lost:
            return

        def deed(connection: Connection) -> None:
            head = transactions.locked_head(connection)
            changed = transactions.put_files(connection, told)
            forgotten, _ = transactions.remove_files(connection, lost)
            if changed or forgotten:
                transactions.count_generation(connection, head)

        self.database.write(deed)

    def skip_file(self, stamp: FileStamp, reason: str, kind: str) -> None:
        """Remember that a file was not indexed, and why; what it showed before is forgotten."""
        skipped = KnownFile(stamp, None, kind, reason)

        def deed(connection: Connection) -> None:
            head = transactions.locked_head(connection)
            if transactions.put_files(connection, [skipped]):
                transactions.count_generation(connection, head)

        self.database.write(deed)

    def forget_files(self, paths: Iterable[str]) -> int:
        """Forget files, and photos with their last one; returns how many photos went."""
        lost = list(paths)

        def deed(connection: Connection) -> int:
            head = transactions.locked_head(connection)
            showing, removed = transactions.remove_files(connection, lost)
            if showing:
                transactions.count_generation(connection, head)
            return removed

        return self.database.write(deed)

    def job_list(self, roots: Sequence[str]) -> PostgresJobs:
        """List of photos that processes share, for one that looks at those below some folders."""
        return PostgresJobs(self.database.location, roots)

    def remember_root(self, path: str) -> None:
        """Remember an absolute folder as indexed."""
        self.database.write(
            lambda connection: connection.execute(
                "INSERT INTO roots VALUES (%b) ON CONFLICT DO NOTHING", (os.fsencode(path),)
            )
        )

    # care

    def check(self, *, full: bool = False) -> list[str]:
        """Faults of the catalog, a line each; none where all is well.

        Args:
            full: look at all photos, not at a sample.
        """
        with self.database.reading() as connection:
            dimension = self.manifest.space.dimension
            return [each.line for each in find_problems(connection, dimension, full=full)]

    def repair(self, *, full: bool = False) -> list[str]:
        """Drop photos that are broken, so that the next index run makes them anew; says what it
        did."""

        def deed(connection: Connection) -> list[str]:
            head = transactions.locked_head(connection)
            dimension = self.manifest.space.dimension
            problems = list(find_problems(connection, dimension, full=full))
            if problems:
                connection.execute(
                    "DELETE FROM photos WHERE id = ANY(%s::bigint[])",
                    ([each.photo_id for each in problems],),
                )
                transactions.count_generation(connection, head)
            return [f"{each.line.partition(': ')[0]}: dropped" for each in problems]

        return self.database.write(deed)
