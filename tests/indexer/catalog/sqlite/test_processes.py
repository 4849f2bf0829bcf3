"""The catalog among several processes: killed writers, readers beside a writer."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import numpy as np
from closeness import assert_unit

from indexer.catalog.records import FileStamp
from indexer.catalog.sqlite.sqlite_catalog import FILE_NAME, SqliteCatalog

KILLS = 6


def writer(folder: Path, first: int) -> subprocess.Popen[str]:
    """A process that writes photo after photo, telling the number of each that is in."""
    script = Path(__file__).parents[2] / "made_photos.py"
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), str(first)], stdout=subprocess.PIPE, text=True
    )


def contents(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(folder / FILE_NAME)
    tables = [
        name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")
    ]
    found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    connection.close()
    found["revisions"] = [(generation, len(name)) for generation, name in found["revisions"]]
    return found


def test_a_writer_killed_at_any_instant_loses_at_most_the_photo_in_flight(
    tmp_path: Path, made: ModuleType
) -> None:
    folder, chance = tmp_path / "index", random.Random(7)
    SqliteCatalog.create(folder, made.MANIFEST).close()
    committed = 0
    for _ in range(KILLS):
        process = writer(folder, committed)
        assert process.stdout is not None
        told = [int(process.stdout.readline())]
        time.sleep(chance.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().split()]
        process.wait()
        process.stdout.close()
        with SqliteCatalog.open(folder) as catalog:
            before, committed = committed, catalog.counts().photos
            assert told == list(range(before, before + len(told)))
            assert committed - (told[-1] + 1) in (0, 1)
            assert catalog.check(full=True) == []
    assert committed > KILLS
    with SqliteCatalog.create(tmp_path / "undisturbed", made.MANIFEST) as catalog:
        made.write(catalog, 0, committed)
    assert contents(folder) == contents(tmp_path / "undisturbed")


def test_readers_beside_a_writer_see_whole_photos(tmp_path: Path, made: ModuleType) -> None:
    folder = tmp_path / "index"
    SqliteCatalog.create(folder, made.MANIFEST).close()
    process = writer(folder, 0)
    seen = [0]
    with SqliteCatalog.open(folder, readonly=True) as reader:
        while seen[-1] < 60:
            generation = reader.generation
            seen.append(reader.counts().photos)
            assert reader.generation >= generation
            ids = reader.segment_ids()
            if not len(ids):
                continue
            newest = reader.segments([int(ids[-1])])[int(ids[-1])]
            number = int.from_bytes(reader.photos([newest.photo_id])[newest.photo_id].content_hash)
            expected = made.made_photo(number)
            assert newest.ordinal == len(expected.segments) - 1
            vectors = reader.vectors_of([s.id for s in reader.segments_of(newest.photo_id)])
            np.testing.assert_allclose(vectors, expected.embeddings.vectors, atol=5e-3)
    process.kill()
    process.communicate()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3


def test_photos_that_go_while_a_reader_asks_never_mix(tmp_path: Path, made: ModuleType) -> None:
    """Each call answers from one commit: rows and blobs of it belong together."""
    folder = tmp_path / "index"
    with SqliteCatalog.create(folder, made.MANIFEST) as catalog:
        done = threading.Event()

        def come_and_go() -> None:
            for number in range(60):
                stamp = FileStamp("/the same file", number, number)
                catalog.add_photo(made.made_photo(4 + 5 * number), stamp)
            done.set()

        thread = threading.Thread(target=come_and_go)
        thread.start()
        rounds = 0
        while not done.is_set():
            ids = catalog.segment_ids()
            assert len(ids) in (0, 4)
            for block_ids, vectors in catalog.vector_blocks():
                assert len(block_ids) == len(vectors) == 4
                assert_unit(vectors)
            rounds += 1
        thread.join()
        assert rounds > 5
        assert catalog.counts().photos == 1
        assert catalog.check(full=True) == []
