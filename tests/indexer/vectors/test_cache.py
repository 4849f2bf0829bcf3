import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.catalog.filter import Filter
from indexer.catalog.records import FileStamp, IndexedPhoto, Manifest
from indexer.catalog.sqlite.seals import seal_of_vector
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.index import Index
from indexer.vectors.cache import FILE, synced_vectors, vector_problems
from indexer.vectors.cache_file import unfinished_path
from indexer.vectors.exact_store import ExactVectors
from model.embeddings import Embeddings, EmbeddingSpace
from model.masks.segments import Segments
from model.photos.images import PhotoHeader

D = 24
SPACE = EmbeddingSpace("test", D, "f1")
ALL = Filter(min_area=1e-9)
"""A condition that every segment meets: such a search is exact whatever the store."""
HEADER = PhotoHeader("PNG", (4, 4), 1, None, None, None, None)


def add_photos(catalog: SqliteCatalog, first: int, last: int, segments: int = 20) -> None:
    """Photos number first … last - 1; the vectors of a number are always the same."""
    for number in range(first, last):
        rng = np.random.default_rng(number)
        photo = IndexedPhoto(
            content_hash=number.to_bytes(32),
            header=HEADER,
            perceptual_hash=number,
            segments=Segments(
                (4, 4),
                (b"02",) * segments,
                np.tile(np.array([0, 0, 4, 4], np.float32), (segments, 1)),
                np.full(segments, 16),
                np.ones(segments, np.float32),
                np.full(segments, -1),
            ),
            embeddings=Embeddings.unit(rng.standard_normal((segments, D)), SPACE),
            photo_embedding=Embeddings.unit(rng.standard_normal((1, D)), SPACE),
            seconds=0.1,
        )
        catalog.add_photo(photo, FileStamp(f"/photos/{number}.png", 1, 1))


def forget_photos(catalog: SqliteCatalog, first: int, last: int) -> None:
    catalog.forget_files([f"/photos/{number}.png" for number in range(first, last)])


def new_catalog(folder: Path, space: EmbeddingSpace = SPACE) -> SqliteCatalog:
    return SqliteCatalog.create(
        folder, Manifest("test", space, {}, "test", "2026-01-01T00:00:00+00:00")
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 40 photos: each costs a commit, so they are made once."""
    folder = tmp_path_factory.mktemp("template") / "index"
    with new_catalog(folder) as catalog:
        add_photos(catalog, 0, 40)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "index"))


@pytest.fixture
def catalog(folder: Path) -> Iterator[SqliteCatalog]:
    with SqliteCatalog.open(folder) as catalog:
        yield catalog


def assert_answers_for(store: Any, catalog: SqliteCatalog) -> None:
    """Whatever is asked of the store, it answers what the catalog would."""
    truth = ExactVectors(D, catalog.segment_ids)
    for ids, vectors in catalog.vector_blocks():
        truth.add(ids, vectors)
    np.testing.assert_array_equal(store.ids(), truth.ids())
    for seed in range(3):
        query = Embeddings.unit(np.random.default_rng(seed).standard_normal((1, D)), SPACE)
        found = store.search(query.vectors[0], 30, ALL)
        wanted = truth.search(query.vectors[0], 30)
        np.testing.assert_array_equal(found.ids, wanted.ids)
        np.testing.assert_array_equal(found.scores, wanted.scores)


def test_made_once_then_used(catalog: SqliteCatalog, folder: Path) -> None:
    store, report = synced_vectors(folder, catalog, writable=True)
    assert (report.action, report.written, report.note) == ("rebuilt", True, "")
    assert_answers_for(store, catalog)
    inode = (folder / FILE).stat().st_ino
    store, report = synced_vectors(folder, catalog, writable=True)
    assert (report.action, report.written, report.note) == ("used", True, "")
    assert_answers_for(store, catalog)
    assert (folder / FILE).stat().st_ino == inode
    assert vector_problems(folder, catalog) == []


def test_an_empty_index(tmp_path: Path) -> None:
    with new_catalog(tmp_path / "index") as catalog:
        for action in ("rebuilt", "used"):
            store, report = synced_vectors(tmp_path / "index", catalog, writable=True)
            assert (report.action, report.note) == (action, "")
            assert len(store) == 0
        add_photos(catalog, 0, 2)
        store, _ = synced_vectors(tmp_path / "index", catalog, writable=True)
        assert_answers_for(store, catalog)


@pytest.mark.parametrize("coded_from", [300, 1_000_000])
def test_behind_by_a_little_it_is_mended(
    catalog: SqliteCatalog, folder: Path, coded_from: int
) -> None:
    old, _ = synced_vectors(folder, catalog, writable=True, coded_from=coded_from)
    forget_photos(catalog, 3, 6)
    add_photos(catalog, 40, 45)
    assert "lacks 100 segments and holds 60 that are gone" in vector_problems(folder, catalog)[0]
    store, report = synced_vectors(folder, catalog, writable=True, coded_from=coded_from)
    assert (report.action, report.written, report.note) == ("mended", True, "")
    assert store.kind == old.kind
    assert_answers_for(store, catalog)
    assert vector_problems(folder, catalog) == []
    store, report = synced_vectors(folder, catalog, writable=True, coded_from=coded_from)
    assert report.action == "used"
    assert_answers_for(store, catalog)


def test_mended_it_is_to_the_last_bit_what_it_would_be_made_anew(
    catalog: SqliteCatalog, folder: Path
) -> None:
    synced_vectors(folder, catalog, writable=True)
    forget_photos(catalog, 3, 6)
    add_photos(catalog, 40, 45)
    files = []
    for action in ("mended", "rebuilt"):
        _, report = synced_vectors(folder, catalog, writable=True)
        assert report.action == action
        files.append((folder / FILE).read_bytes())
        (folder / FILE).unlink()
    assert files[0] == files[1]


@pytest.mark.parametrize("coded_from", [300, 1_000_000])
def test_behind_by_much_it_is_made_anew(
    catalog: SqliteCatalog, folder: Path, coded_from: int
) -> None:
    synced_vectors(folder, catalog, writable=True, coded_from=coded_from)
    forget_photos(catalog, 0, 10)
    add_photos(catalog, 40, 50)
    store, report = synced_vectors(folder, catalog, writable=True, coded_from=coded_from)
    assert (report.action, report.written, report.note) == ("rebuilt", True, "")
    assert_answers_for(store, catalog)


def test_while_photos_are_added_a_reader_leaves_the_file_until_it_is_worth_it(
    catalog: SqliteCatalog, folder: Path
) -> None:
    synced_vectors(folder, catalog, writable=True)
    inode = (folder / FILE).stat().st_ino
    with Index.open(folder) as reader:
        assert len(reader.vectors) == 40 * 20
        add_photos(catalog, 40, 42)
        forget_photos(catalog, 3, 4)
        assert_answers_for(reader.vectors, catalog)
        assert (folder / FILE).stat().st_ino == inode
        add_photos(catalog, 42, 44)  # a tenth in all: written, and read from there
        assert_answers_for(reader.vectors, catalog)
        assert (folder / FILE).stat().st_ino != inode
        assert vector_problems(folder, catalog) == []
        synced, _ = synced_vectors(folder, catalog, writable=True)
        assert_answers_for(synced, catalog)


def test_everything_forgotten(catalog: SqliteCatalog, folder: Path) -> None:
    synced_vectors(folder, catalog, writable=True)
    forget_photos(catalog, 0, 40)
    store, report = synced_vectors(folder, catalog, writable=True)
    assert (report.action, len(store)) == ("rebuilt", 0)


def test_growing_past_the_border_groups(catalog: SqliteCatalog, folder: Path) -> None:
    store, _ = synced_vectors(folder, catalog, writable=True, coded_from=900)
    assert store.kind == "flat"
    add_photos(catalog, 40, 47)
    store, report = synced_vectors(folder, catalog, writable=True, coded_from=900)
    assert (store.kind, report.action) == ("coded", "mended")
    assert_answers_for(store, catalog)


def test_a_change_without_segments_is_only_noted(catalog: SqliteCatalog, folder: Path) -> None:
    synced_vectors(folder, catalog, writable=True)
    add_photos(catalog, 50, 51, segments=0)
    store, report = synced_vectors(folder, catalog, writable=True)
    assert report.action == "mended"
    assert_answers_for(store, catalog)
    assert synced_vectors(folder, catalog, writable=True)[1].action == "used"


def test_not_allowed_to_write_it_searches_from_memory(catalog: SqliteCatalog, folder: Path) -> None:
    store, report = synced_vectors(folder, catalog, writable=False)
    assert (report.action, report.written, report.note) == ("rebuilt", False, "")
    assert_answers_for(store, catalog)
    assert not (folder / FILE).exists()
    synced_vectors(folder, catalog, writable=True)
    before = (folder / FILE).read_bytes()
    add_photos(catalog, 40, 42)
    unfinished_path(folder / FILE).write_bytes(b"another process is writing")
    store, report = synced_vectors(folder, catalog, writable=False)
    assert (report.action, report.written) == ("mended", False)
    assert_answers_for(store, catalog)
    assert (folder / FILE).read_bytes() == before
    assert unfinished_path(folder / FILE).exists()


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: b"", "cut short"),
        (lambda content: content[:1], "cut short"),
        (lambda content: content[: len(content) // 2], "cut short"),
        (lambda content: content[:-1], "cut short"),
        (lambda content: b"\0" * len(content), "no file of vectors"),
        (lambda content: flip(content, 0), "not as it was written"),
        (lambda content: flip(content, 60), "not as it was written"),
        (lambda content: flip(content, len(content) // 2), "not as it was written"),
        (lambda content: flip(content, len(content) - 60), "not as it was written"),
        (lambda content: content[:5_000] + content[9_000:], "not as it was written"),
    ],
)
@pytest.mark.parametrize("coded_from", [300, 1_000_000])
def test_a_damaged_file_is_made_anew(
    catalog: SqliteCatalog, folder: Path, damage: Any, told: Any, coded_from: int
) -> None:
    synced_vectors(folder, catalog, writable=True, coded_from=coded_from)
    path = folder / FILE
    path.write_bytes(damage(path.read_bytes()))
    assert told in vector_problems(folder, catalog)[0]
    store, report = synced_vectors(folder, catalog, writable=True, coded_from=coded_from)
    assert (report.action, report.written) == ("rebuilt", True)
    assert told in report.note
    assert "\n" not in report.note
    assert_answers_for(store, catalog)
    assert vector_problems(folder, catalog) == []


def test_a_missing_file_is_told(catalog: SqliteCatalog, folder: Path) -> None:
    assert "missing" in vector_problems(folder, catalog)[0]
    synced_vectors(folder, catalog, writable=True)
    assert vector_problems(folder, catalog) == []


def test_the_file_of_another_preset_is_made_anew(
    catalog: SqliteCatalog, folder: Path, tmp_path: Path
) -> None:
    other = EmbeddingSpace("test", D, "f2")
    with new_catalog(tmp_path / "other", other) as foreign:
        synced_vectors(tmp_path / "other", foreign, writable=True)
    shutil.copy(tmp_path / "other" / FILE, folder / FILE)
    assert "another preset" in vector_problems(folder, catalog)[0]
    store, report = synced_vectors(folder, catalog, writable=True)
    assert report.action == "rebuilt"
    assert "another preset" in report.note
    assert_answers_for(store, catalog)


def test_after_an_old_catalog_was_put_back_ids_mean_other_segments(tmp_path: Path) -> None:
    """The same ids then belong to other vectors, and the same generations to other states."""
    folder, backup = tmp_path / "index", tmp_path / "backup"
    with new_catalog(folder) as catalog:
        add_photos(catalog, 0, 10)
    shutil.copytree(folder, backup)
    with SqliteCatalog.open(folder) as catalog:
        add_photos(catalog, 10, 14)
        _, report = synced_vectors(folder, catalog, writable=True)
        assert report.written
    shutil.copy(folder / FILE, backup)
    with SqliteCatalog.open(backup) as catalog:
        add_photos(catalog, 20, 24)
        assert "belongs to another catalog" in vector_problems(backup, catalog)[0]
        store, report = synced_vectors(backup, catalog, writable=True)
        assert report.action == "rebuilt"
        assert "belongs to another catalog" in report.note
        assert_answers_for(store, catalog)
        assert vector_problems(backup, catalog) == []


def test_the_cache_of_another_index_of_the_same_preset(
    catalog: SqliteCatalog, folder: Path, tmp_path: Path
) -> None:
    with new_catalog(tmp_path / "other") as other:
        add_photos(other, 0, 40)
        synced_vectors(tmp_path / "other", other, writable=True)
    shutil.copy(tmp_path / "other" / FILE, folder / FILE)
    store, report = synced_vectors(folder, catalog, writable=True)
    assert report.action == "rebuilt"
    assert "belongs to another catalog" in report.note
    assert_answers_for(store, catalog)


@pytest.mark.parametrize("coded_from", [300, 1_000_000])
def test_a_vector_that_changed_in_the_catalog_is_told(
    catalog: SqliteCatalog, folder: Path, coded_from: int
) -> None:
    """Nothing of ours does that; the file alone tells that it happened."""
    synced_vectors(folder, catalog, writable=True, coded_from=coded_from)
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection, connection:
        (vector,) = connection.execute("SELECT vector FROM vectors WHERE segment_id = 7").fetchone()
        other = bytes(reversed(vector))
        connection.execute(
            "UPDATE vectors SET vector = ?, seal = ? WHERE segment_id = 7",
            (other, seal_of_vector(7, other)),
        )
    connection.close()
    assert "holds other vectors of 1 segments" in vector_problems(folder, catalog)[0]


def test_a_folder_in_the_place_of_the_file(catalog: SqliteCatalog, folder: Path) -> None:
    (folder / FILE).mkdir()
    store, report = synced_vectors(folder, catalog, writable=True)
    assert (report.action, report.written) == ("rebuilt", False)
    assert "cannot be read (Is a directory)" in report.note
    assert "could not be written" in report.note
    assert_answers_for(store, catalog)


def test_what_was_forgotten_since_passes_no_filter(catalog: SqliteCatalog, folder: Path) -> None:
    """A reader's store while another process prunes; without a filter, the reader finds no row."""
    store, _ = synced_vectors(folder, catalog, writable=True, coded_from=300)
    assert store.kind == "coded"
    forget_photos(catalog, 0, 20)
    left = set(catalog.segment_ids().tolist())
    query = Embeddings.unit(np.random.default_rng(0).standard_normal((1, D)), SPACE).vectors[0]
    hits = store.search(query, 100, ALL)
    assert len(hits) > 0
    assert set(hits.ids.tolist()) <= left


@contextmanager
def small_disk(folder: Path) -> Iterator[str]:
    """A disk of 64 KiB at `folder`, or, where none may be mounted, files of 48 KiB at most.

    Gives what the operating system says when it is full.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if shutil.which("mount") and subprocess.run(mount, stderr=subprocess.PIPE).returncode == 0:
        try:
            yield "No space left on device"
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (48 << 10, hard))
    try:
        yield "File too large"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_costs_only_the_cache(template: Path, folder: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with SqliteCatalog.open(template) as fewer, SqliteCatalog.open(folder) as more:
        add_photos(more, 40, 51)
        with small_disk(disk) as told:
            _, report = synced_vectors(disk, fewer, writable=True)
            assert report.written
            before = (disk / FILE).read_bytes()
            store, report = synced_vectors(disk, more, writable=True)
            assert (report.action, report.written) == ("mended", False)
            assert told in report.note
            assert_answers_for(store, more)
            assert (disk / FILE).read_bytes() == before
            assert list(disk.iterdir()) == [disk / FILE]
            del store


WRITER = """
import sys
from pathlib import Path
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.vectors.cache import FILE, synced_vectors

folder = Path(sys.argv[1])
catalog = SqliteCatalog.open(folder)
while True:
    (folder / FILE).unlink(missing_ok=True)
    synced_vectors(folder, catalog, writable=True)
    print("written", flush=True)
"""


def test_killed_while_writing_the_next_run_has_all(catalog: SqliteCatalog, folder: Path) -> None:
    """The writer removes and makes the file in a loop; it is whole or not there at each kill."""
    for round_ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(0.003 * round_)
        writer.kill()
        writer.wait()
        writer.stdout.close()
        store, report = synced_vectors(folder, catalog, writable=True)
        assert report.note == ""
        assert report.action in ("used", "rebuilt")
        assert_answers_for(store, catalog)
        assert vector_problems(folder, catalog) == []
        assert not unfinished_path(folder / FILE).exists()
