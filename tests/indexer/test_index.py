"""An index folder that is full, read-only, half deleted or too new: one line, nothing lost."""

import ctypes
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import ModuleType

import pytest

from indexer.catalog.sqlite.database import Database
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.index import Index
from indexer.lock import WriterLock
from indexer.vectors.cache_file import read_origin
from model.errors import IndexDamaged, IndexMissing, IndexReadOnly, IndexTooNew, StorageFull
from model.photos.images import content_hash

ROOT = Path(__file__).resolve().parents[2]
TESTS = str(Path(__file__).parent)
PHOTOS = 12


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, painted: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(PHOTOS):
        painted.paint(folder / f"{number}.png", number)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, photos: Path, painted: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("template") / "index"
    assert painted.run(folder, photos).added == PHOTOS
    return folder


@pytest.fixture
def index(template: Path, tmp_path: Path) -> Path:
    """An index of `photos` that a test may spoil."""
    return Path(shutil.copytree(template, tmp_path / "index"))


class Disk:
    """A small disk of its own; where none may be mounted, a folder under the limits of one.

    Attributes:
        place: where it is.
        real: whether it is a disk.
    """

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        place.mkdir()
        self.place = place
        self._patch = monkeypatch
        self.real = self._mount("size=600k")

    def enlarge(self) -> None:
        self._mount("remount,size=8m")
        self._patch.undo()

    def allow_pages(self, count: int) -> None:
        """Where there is no disk to fill, let SQLite say that there is no room for more."""
        connect = Database._connect

        def limited(database: Database) -> sqlite3.Connection:
            connection = connect(database)
            connection.execute(f"PRAGMA max_page_count = {count}")
            return connection

        if not self.real:
            self._patch.setattr(Database, "_connect", limited)

    def protect(self) -> None:
        if not self._mount("remount,ro"):
            for folder in (self.place, *self.place.rglob("*/")):
                folder.chmod(0o555)

    @contextmanager
    def filled(self) -> Iterator[None]:
        if self.real:
            ballast = self.place / "ballast"
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1024))
            try:
                yield
            finally:
                ballast.unlink()
        else:
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    def _mount(self, options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)]
        return (
            bool(shutil.which("mount"))
            and not subprocess.run(command, capture_output=True, check=False).returncode
        )

    def close(self) -> None:
        if self.real:
            subprocess.run(["umount", "--lazy", str(self.place)], check=True)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk", monkeypatch)
    yield disk
    disk.close()


def without_power(code: str) -> str:
    """What a script prints to whom permissions apply, as they do not to root."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({TESTS!r})\n{code}"],
        capture_output=True, text=True, check=False, cwd=ROOT, preexec_fn=_drop_power,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _drop_power() -> None:
    if os.getuid() == 0:
        for power in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            assert ctypes.CDLL(None).prctl(24, power, 0, 0, 0) == 0  # PR_CAPBSET_DROP


@pytest.mark.parametrize("spoil", ["missing", "cut", "overwritten", "empty"])
def test_the_cache_may_be_gone_or_damaged(
    index: Path, template: Path, painted: ModuleType, spoil: str
) -> None:
    cache = index / "vectors.faiss"
    whole = cache.read_bytes()
    if spoil == "missing":
        cache.unlink()
    else:
        cache.write_bytes(
            {"cut": whole[:-9], "overwritten": bytes(len(whole)), "empty": b""}[spoil]
        )
    assert painted.answers(index) == painted.answers(template)
    with SqliteCatalog.open(index, readonly=True) as catalog:
        assert read_origin(cache).watermark == catalog.watermark


def test_an_index_run_makes_a_missing_cache_anew(
    index: Path, photos: Path, painted: ModuleType
) -> None:
    (index / "vectors.faiss").unlink()
    assert str(painted.run(index, photos)) == f"0 added, {PHOTOS} unchanged"
    assert read_origin(index / "vectors.faiss").count == len(painted.answers(index))


def test_without_a_catalog_there_is_no_index(
    index: Path, photos: Path, painted: ModuleType, template: Path
) -> None:
    (index / "catalog.sqlite").unlink()
    with pytest.raises(IndexMissing, match="make one with: segsearch index"):
        Index.open(index)
    assert painted.run(index, photos).added == PHOTOS
    assert painted.answers(index) == painted.answers(template)


def test_a_catalog_that_was_never_finished_is_made_again(tmp_path: Path, photos: Path) -> None:
    from searchengine import Options, SearchEngine

    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "catalog.sqlite").touch()  # killed right after SQLite had opened it
    with SearchEngine.open(folder, preset="colours") as engine:
        assert engine.index(photos, options=Options(jobs=1)).added == PHOTOS
        assert engine.search("red", k=1)[0].score > 0.9


def test_a_damaged_catalog_is_left_alone(index: Path, photos: Path, painted: ModuleType) -> None:
    (index / "catalog.sqlite").write_bytes(b"not a database" * 500)
    for attempt in (lambda: Index.open(index), lambda: painted.run(index, photos)):
        with pytest.raises(IndexDamaged):
            attempt()
    assert (index / "catalog.sqlite").read_bytes() == b"not a database" * 500


def test_a_newer_index_is_left_alone(index: Path, photos: Path, painted: ModuleType) -> None:
    with closing(sqlite3.connect(index / "catalog.sqlite")) as connection, connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.close()
    for attempt in (lambda: Index.open(index), lambda: painted.run(index, photos)):
        with pytest.raises(IndexTooNew):
            attempt()


def test_readers_do_not_lock_when_there_is_nothing_to_write(
    index: Path, painted: ModuleType, template: Path
) -> None:
    with WriterLock(index), Index.open(index) as reader:
        assert len(reader.vectors) == len(painted.answers(template))
        assert reader.cache.action == "used"
    before = (index / "writer.lock").stat().st_mtime_ns
    painted.answers(index)
    assert (index / "writer.lock").stat().st_mtime_ns == before


def test_a_reader_sees_what_is_added_meanwhile(
    index: Path, photos: Path, painted: ModuleType, tmp_path: Path
) -> None:
    with Index.open(index) as reader:
        before = len(reader.vectors)
        painted.run(index, painted.paint(tmp_path / "more.png", 80))
        assert len(reader.vectors) > before
        assert reader.cache.action == "used"
        (tmp_path / "more.png").unlink()
        painted.run(index, tmp_path, prune=True, force=True)
        assert len(reader.vectors) == before


def test_a_reader_mends_in_memory_while_another_writes(
    index: Path, photos: Path, painted: ModuleType, tmp_path: Path
) -> None:
    (index / "vectors.faiss").unlink()
    with WriterLock(index), Index.open(index) as reader:
        assert len(reader.vectors) > PHOTOS
        assert not reader.cache.written
    assert not (index / "vectors.faiss").exists()


def test_a_read_only_disk_can_be_searched(
    index: Path, photos: Path, painted: ModuleType, disk: Disk, template: Path
) -> None:
    there = Path(shutil.copytree(index, disk.place / "index"))
    disk.protect()
    assert painted.answers(there) == painted.answers(template)
    with pytest.raises(IndexReadOnly, match="cannot be written to"):
        painted.run(there, photos)
    assert painted.run(there, photos, dry_run=True).unchanged == PHOTOS


@pytest.mark.parametrize("cache", [True, False])
def test_an_index_without_permission_can_be_searched(
    index: Path, photos: Path, template: Path, painted: ModuleType, cache: bool
) -> None:
    if not cache:
        (index / "vectors.faiss").unlink()
    index.chmod(0o555)
    told = without_power(f"""
from pathlib import Path
import painted
from model.errors import IndexReadOnly
print(len(painted.answers(Path({str(index)!r}))))
try:
    painted.run(Path({str(index)!r}), Path({str(photos)!r}))
except IndexReadOnly as error:
    print(error)
""")
    segments, refusal = told.splitlines()
    assert int(segments) == len(painted.answers(template))
    assert refusal.startswith(f"{index}/catalog.sqlite cannot be written to: make")


def test_what_may_not_be_read_is_tried_again_by_itself(tmp_path: Path, painted: ModuleType) -> None:
    folder = tmp_path / "photos"
    for number in range(3):
        painted.paint(folder / f"{number}.png", number)
    locked = folder / "1.png"
    script = f"""
from pathlib import Path
import painted
report = painted.run(Path({str(tmp_path / "index")!r}), Path({str(folder)!r}))
print(report, *[skipped[1:] for skipped in report.skipped])
"""
    refused = f"('PhotoUnreachable', '{locked} cannot be read (Permission denied)')\n"
    locked.chmod(0)
    assert without_power(script) == f"2 added, 1 skipped {refused}"
    assert without_power(script) == f"0 added, 2 unchanged, 1 skipped {refused}"
    locked.chmod(0o644)
    assert without_power(script) == "1 added, 2 unchanged\n"
    os.utime(locked)
    locked.chmod(0)  # touched, and nobody can say whether it changed
    assert without_power(script) == f"0 added, 2 unchanged, 1 skipped {refused}"
    assert "1.png" in painted.segment_ids(tmp_path / "index")


def test_a_disk_that_fills_keeps_all_that_is_stored(
    tmp_path: Path, painted: ModuleType, disk: Disk
) -> None:
    folder, there = tmp_path / "many", disk.place / "index"
    for number in range(60):
        painted.paint(folder / f"{number}.png", number)
    disk.allow_pages(20)
    for _ in range(2):  # it is still full the second time
        with pytest.raises(StorageFull, match=r"the disk is full.*goes on where it stopped"):
            painted.run(there, folder, jobs=2)
    stored = painted.segment_ids(there)
    assert 5 < len(stored) < 60
    assert painted.answers(there)  # what is there can be searched
    disk.enlarge()
    report = painted.run(there, folder, jobs=2)
    assert stored.items() <= painted.segment_ids(there).items()
    assert (report.added, report.notes) == (60 - report.unchanged, [])
    assert set(painted.contents(there)) == {content_hash(path) for path in folder.iterdir()}


def test_no_room_for_the_cache_loses_nothing(
    index: Path, photos: Path, painted: ModuleType, disk: Disk, template: Path
) -> None:
    there = Path(shutil.copytree(index, disk.place / "index"))
    (there / "vectors.faiss").unlink()
    expected = painted.answers(template)
    with Index.open(there), disk.filled():  # SQLite's own files are there already
        report = painted.run(there, photos)
        assert painted.answers(there) == expected
    assert report.unchanged == PHOTOS
    assert [note.partition(" (")[0] for note in report.notes] == [
        f"{there / 'vectors.faiss'} could not be written"
    ]
    assert sorted(path.name for path in there.glob("vectors*")) == []
    assert painted.run(there, photos).notes == []
    assert (there / "vectors.faiss").exists()
