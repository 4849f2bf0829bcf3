from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import event

from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog
from model.errors import (
    IndexDamaged,
    IndexLocked,
    IndexMissing,
    IndexReadOnly,
    StorageError,
    StorageFull,
)

# Permissions do not bind root, so these processes become somebody else once all is imported
# (Python itself may lie where only root can read).
AS_NOBODY = """
import os, sys, tempfile
from pathlib import Path
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.catalog.sqlite.database import Database
from model.errors import SegsearchError
with tempfile.TemporaryDirectory() as place:
    Database(Path(place) / "warm", create=True).close()
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
"""
READ = f"""{AS_NOBODY}
with SqliteCatalog.open(sys.argv[1], readonly=True) as catalog:
    for _ in sys.stdin:
        print(catalog.counts().photos, len(catalog.segment_ids()), flush=True)
"""
OPEN = f"""{AS_NOBODY}
try:
    SqliteCatalog.open(sys.argv[1], readonly=sys.argv[2] == "readonly").close()
except SegsearchError as error:
    print(type(error).__name__)
else:
    print("opened")
"""


def opened_by_nobody(folder: Path, how: str) -> str:
    command = [sys.executable, "-c", OPEN, str(folder), how]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def read_only(made: ModuleType) -> Iterator[Path]:
    """An index of 5 photos in a folder that nobody but root can write to."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place) / "index"
        with SqliteCatalog.create(folder, made.MANIFEST) as catalog:
            made.write(catalog, 0, 5)
        (folder / FILE_NAME).chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


class Reader:
    """A process that has the catalog open and reads when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READ, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def read(self) -> list[int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("again\n")
        return [int(word) for word in self.process.stdout.readline().split()]

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


def test_a_read_only_folder_can_be_read(read_only: Path) -> None:
    with Reader(read_only) as reader:
        assert reader.read() == [5, 10]


def test_readers_of_a_read_only_folder_see_what_its_owner_writes(
    read_only: Path, made: ModuleType
) -> None:
    with Reader(read_only) as reader:
        assert reader.read() == [5, 10]
        read_only.chmod(0o755)
        (read_only / FILE_NAME).chmod(0o644)
        with SqliteCatalog.open(read_only) as catalog:
            made.write(catalog, 5, 10)
            (read_only / FILE_NAME).chmod(0o444)
            read_only.chmod(0o555)
            assert reader.read() == [10, 20]
        assert reader.read() == [10, 20]
        assert opened_by_nobody(read_only, "readonly") == "opened"


def test_a_read_only_folder_cannot_be_written(read_only: Path) -> None:
    assert opened_by_nobody(read_only, "writing") == "IndexReadOnly"


def test_what_a_killed_writer_left_cannot_be_finished_in_a_read_only_folder(
    read_only: Path, made: ModuleType
) -> None:
    read_only.chmod(0o755)
    copy = read_only.parent / "copy"
    (read_only / FILE_NAME).chmod(0o644)
    with SqliteCatalog.open(read_only) as catalog:
        made.write(catalog, 5, 10)
        copy.mkdir()
        for name in (FILE_NAME, f"{FILE_NAME}-wal"):  # as a kill would leave them
            shutil.copy(read_only / name, copy / name)
    copy.chmod(0o555)
    assert opened_by_nobody(copy, "readonly") == "IndexReadOnly"
    copy.chmod(0o755)
    with SqliteCatalog.open(copy, readonly=True) as reader:
        assert reader.counts().photos == 10


def test_a_catalog_that_may_not_be_read_says_so(read_only: Path) -> None:
    (read_only / FILE_NAME).chmod(0o000)
    assert opened_by_nobody(read_only, "readonly") == "StorageError"


def test_a_catalog_opened_for_reading_refuses_to_write(
    catalog: SqliteCatalog, made: ModuleType
) -> None:
    with (
        SqliteCatalog.open(catalog.folder, readonly=True) as reader,
        pytest.raises(IndexReadOnly, match="cannot be written"),
    ):
        made.write(reader, 0, 1)


def test_reading_leaves_nothing_behind(catalog: SqliteCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 3)
    catalog.close()
    with SqliteCatalog.open(catalog.folder, readonly=True) as reader:
        assert reader.counts().photos == 3
    left = {path.name for path in catalog.folder.iterdir()}
    assert left <= {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}
    with SqliteCatalog.open(catalog.folder) as writer:
        made.write(writer, 3, 4)
    assert [path.name for path in catalog.folder.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("readonly", [False, True])
def test_no_index_names_the_command_that_makes_one(tmp_path: Path, readonly: bool) -> None:
    folder = tmp_path / "no\nwhere"
    for _ in range(2):  # an empty folder is no index either
        with pytest.raises(IndexMissing) as caught:
            SqliteCatalog.open(folder, readonly=readonly)
        shown = str(folder).replace("\n", "\\n")
        assert str(caught.value).endswith(f"segsearch index FOLDER --index {shown}")
        folder.mkdir(exist_ok=True)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path, made: ModuleType) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be made"):
        SqliteCatalog.create(tmp_path / "file" / "index", made.MANIFEST)


def test_any_folder_name_will_do(tmp_path: Path, made: ModuleType) -> None:
    folder = tmp_path / os.fsdecode(b"50% #1?&mode=memory\xff\n\xf0\x9f\x93\xb7")
    SqliteCatalog.create(folder, made.MANIFEST).close()
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    with SqliteCatalog.open(folder, readonly=True) as catalog:
        assert catalog.manifest == made.MANIFEST


def test_what_is_no_database_is_told(catalog: SqliteCatalog) -> None:
    catalog.close()
    (catalog.folder / FILE_NAME).write_bytes(b"not a database, but long enough" * 400)
    for readonly in (False, True):
        with pytest.raises(IndexDamaged, match="index the photos again"):
            SqliteCatalog.open(catalog.folder, readonly=readonly)


def test_a_file_cut_short_is_told(catalog: SqliteCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 60)
    catalog.close()
    file = catalog.folder / FILE_NAME
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2)
    for readonly in (False, True):
        with pytest.raises(IndexDamaged, match="backup"):
            SqliteCatalog.open(catalog.folder, readonly=readonly)


def test_a_page_overwritten_is_told(catalog: SqliteCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 60)
    catalog.close()
    connection = sqlite3.connect(catalog.folder / FILE_NAME)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'segments'"
    ).fetchone()
    connection.close()
    with (catalog.folder / FILE_NAME).open("r+b") as stream:
        stream.seek((page - 1) * 4096)
        stream.write(b"\xaa" * 4096)
    with SqliteCatalog.open(catalog.folder) as damaged:
        with pytest.raises(IndexDamaged, match="malformed"):
            damaged.segments([1])
        assert damaged.counts().photos == 60
        assert damaged.check() != []
        with pytest.raises(IndexDamaged, match="is damaged"):
            damaged.repair()
        assert damaged.counts().photos == 60


def test_a_table_that_is_missing_is_told(catalog: SqliteCatalog) -> None:
    connection = sqlite3.connect(catalog.folder / FILE_NAME)
    connection.execute("DROP TABLE photo_vectors")
    connection.close()
    with pytest.raises(IndexDamaged, match="no such table"):
        catalog.photo_vector(1)


def test_a_manifest_with_a_hole_is_told(catalog: SqliteCatalog) -> None:
    connection = sqlite3.connect(catalog.folder / FILE_NAME)
    connection.execute("DELETE FROM manifest WHERE key = 'dimension'")
    connection.commit()
    connection.close()
    with pytest.raises(IndexDamaged, match="manifest"):
        SqliteCatalog.open(catalog.folder)


@pytest.mark.parametrize("settings", ["-3", "[]", "null", '{"source": 7}', "{", "[" * 100_000])
def test_settings_that_nobody_wrote_are_told(catalog: SqliteCatalog, settings: str) -> None:
    with closing(sqlite3.connect(catalog.folder / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE manifest SET value = ? WHERE key = 'settings'", (settings,))
    with pytest.raises(IndexDamaged, match="manifest"):
        SqliteCatalog.open(catalog.folder)


def test_a_writer_that_does_not_end_is_told(
    catalog: SqliteCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.catalog.sqlite.database.BUSY_SECONDS", 0.1)
    other = sqlite3.connect(catalog.folder / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with SqliteCatalog.open(catalog.folder) as second:
        with pytest.raises(IndexLocked, match="another process"):
            made.write(second, 0, 1)
        assert second.counts().photos == 0  # readers go on
        other.execute("ROLLBACK")
        made.write(second, 0, 1)
    other.close()


def test_an_exception_inside_undoes_the_transaction(
    catalog: SqliteCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("indexer.catalog.sqlite.transactions.drop_photos_without_files", interrupted)
        with pytest.raises(KeyboardInterrupt):
            catalog.add_photo(made.made_photo(4), made.made_stamp(4))
    assert catalog.counts() == (0, 0, 0, 0, 0)
    catalog.add_photo(made.made_photo(4), made.made_stamp(4))
    assert catalog.segment_ids().tolist() == [1, 2, 3, 4]


@pytest.fixture(params=["a small disk", "a small file"])
def cramped(
    request: pytest.FixtureRequest, tmp_path: Path, made: ModuleType
) -> Iterator[SqliteCatalog]:
    """A catalog with room for less than a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    ballast = folder / "something else"
    mount = shutil.which("mount") or "mount"
    mounted = request.param == "a small disk" and (
        subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
    try:
        ballast.write_bytes(bytes(400_000))
        with SqliteCatalog.create(folder / "index", made.MANIFEST) as catalog:
            if not mounted:  # only root can mount: let SQLite itself refuse to grow
                engine = catalog.database._engine
                engine.dispose()
                event.listen(
                    engine, "connect", lambda c, _: c.execute("PRAGMA max_page_count = 40")
                )
            yield catalog
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_fills_loses_nothing(cramped: SqliteCatalog, made: ModuleType) -> None:
    with pytest.raises(StorageFull, match="goes on where it stopped"):
        made.write(cramped, 0, 100_000)
    written = len(list(cramped.files()))
    assert written > 5
    assert cramped.counts().photos == written
    assert cramped.check(full=True) == []
    with pytest.raises(StorageFull):
        made.write(cramped, written, written + 50)
    before = cramped.counts()
    cramped.close()
    with SqliteCatalog.open(cramped.folder, readonly=True) as reopened:
        assert reopened.counts() == before
        assert reopened.check(full=True) == []
        for number in range(written):
            photo = made.made_photo(number)
            photo_id = reopened.photo_by_hash(photo.content_hash)
            assert photo_id is not None
            found = tuple(s.counts for s in reopened.segments_of(photo_id))
            assert found == photo.segments.counts
    (cramped.folder.parent / "something else").unlink()  # the user makes room
    with SqliteCatalog.open(cramped.folder) as reopened:
        gone = [file.stamp.path for file in reopened.files()][: written // 2]
        assert reopened.forget_files(gone) == len(gone)
        made.write(reopened, 200_000, 200_003)
        assert reopened.check(full=True) == []
