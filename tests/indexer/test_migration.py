"""All that an index remembers is carried over, both ways, whoever is stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from indexer import migration
from indexer.backends import create_catalog, open_catalog
from indexer.catalog import whole_photos
from indexer.catalog.records import FileStamp
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.catalog.whole_photos import WholePhotos
from indexer.index import Index
from indexer.location import index_folder
from indexer.migration import MigrationReport, migrate
from model.errors import IndexLocked, IndexMissing, PresetMismatch, StorageError

PHOTOS = 12


@pytest.fixture
def old(tmp_path: Path, made: ModuleType) -> Path:
    """An index with kept proposals, two names of a photo, odd names and a file that was skipped."""
    folder = tmp_path / "old"
    with create_catalog(folder, made.MANIFEST) as catalog:
        made.write(catalog, 0, PHOTOS)
        catalog.add_segments(3, made.made_addition(70))
        catalog.add_segments(3, made.made_addition(71, 1))
        twin = FileStamp("/copies/\udcff ü.jpg", 77, -5)
        catalog.move_files([(twin, 2)], ())
        catalog.skip_file(FileStamp("/photos/broken.jpg", 3, 9), "it is damaged", "PhotoUnreadable")
        catalog.remember_root("/photos")
    return folder


def remembered(folder: Path) -> Any:
    """All that an index remembers, whatever its ids."""
    with open_catalog(folder, readonly=True) as catalog:
        ids = catalog.photo_ids().tolist()
        photos = {k: v for some in catalog.whole_photos(ids) for k, v in some.checksums().items()}
        assert len(photos) == len(ids)
        rest = (catalog.roots(), catalog.skipped(), catalog.counts())
        return photos, rest, catalog.manifest.space, catalog.manifest.settings


def test_an_index_comes_back_from_another_as_it_was(old: Path, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    assert migrate(old, there, dry_run=True).copied == PHOTOS
    assert not there.exists()
    report = migrate(old, there)
    assert report == MigrationReport(PHOTOS, 0, remembered(old)[1][2].segments, 0)
    migrate(there, back)
    assert remembered(back) == remembered(there) == remembered(old)
    assert migrate(back, there) == MigrationReport(0, PHOTOS, 0, 0)
    with Index.open(there) as copy, Index.open(old) as index:
        assert copy.catalog.manifest.catalog_id != index.catalog.manifest.catalog_id
        question = index.catalog.photo_vector(1)
        hits = [each.search(question, 5) for each in (index, copy)]
        np.testing.assert_array_equal(hits[0].scores, hits[1].scores)
        np.testing.assert_array_equal(hits[0].vectors, hits[1].vectors)


def test_an_index_goes_to_a_database_and_back(old: Path, tmp_path: Path, postgres_uri: str) -> None:
    there, back = index_folder(postgres_uri), tmp_path / "back"
    assert migrate(old, there).copied == PHOTOS
    migrate(there, back)
    assert remembered(back) == remembered(there) == remembered(old)


def test_a_run_that_was_stopped_is_completed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any transaction: what was copied stays, and is not copied again."""
    there = tmp_path / "there"
    monkeypatch.setattr(whole_photos, "SEGMENTS_AT_ONCE", 7)
    add = SqliteCatalog.add_whole_photos
    stopped = []

    def few(self: SqliteCatalog, photos: WholePhotos) -> list[int]:
        if len(stopped) % 2:
            stopped.append(len(photos))
            raise KeyboardInterrupt
        stopped.append(len(photos))
        return add(self, photos)

    copied = 0
    with monkeypatch.context() as patch:
        patch.setattr(SqliteCatalog, "add_whole_photos", few)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                migrate(old, there)
            with open_catalog(there, readonly=True) as catalog:
                assert catalog.check(full=True) == []
                assert catalog.counts().photos > copied
                copied = catalog.counts().photos
    report = migrate(old, there)
    assert (report.there, report.copied) == (copied, PHOTOS - copied)
    assert remembered(there) == remembered(old)


@pytest.mark.parametrize("to", ["folder", "database"])
def test_what_changed_since_is_brought_over(
    old: Path,
    tmp_path: Path,
    made: ModuleType,
    to: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names that were exchanged, more that was kept, another photo under an old name."""
    monkeypatch.setattr(migration, "AT_ONCE", 1)
    there = tmp_path / "there"
    if to == "database":
        there = index_folder(request.getfixturevalue("postgres_uri"))
    migrate(old, there)
    with open_catalog(old) as catalog:
        first, second = (catalog.photos([i])[i].stamps[0] for i in (5, 6))
        exchanged = [(replace(first, path=second.path), 5), (replace(second, path=first.path), 6)]
        catalog.move_files(exchanged, ())
        catalog.add_segments(4, made.made_addition(72))
        catalog.add_segments(3, made.made_addition(73, 1))
        catalog.add_photo(made.made_photo(50), catalog.photos([9])[9].stamps[0])
    migrate(old, there)
    photos, rest, *_ = remembered(there)
    assert photos.items() >= remembered(old)[0].items()
    assert rest[:2] == remembered(old)[1][:2]


def test_a_copy_that_is_another_is_told(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = SqliteCatalog.add_whole_photos

    def other(self: SqliteCatalog, photos: WholePhotos) -> list[int]:
        rows = [replace(row, perceptual_hash=row.perceptual_hash ^ 1) for row in photos.rows]
        return add(self, replace(photos, rows=rows))

    monkeypatch.setattr(SqliteCatalog, "add_whole_photos", other)
    with pytest.raises(StorageError, match="is not what was copied"):
        migrate(old, tmp_path / "there")


def test_what_cannot_be_migrated_is_told(old: Path, tmp_path: Path, made: ModuleType) -> None:
    with pytest.raises(StorageError, match="both source and target"):
        migrate(old, old)
    with pytest.raises(IndexMissing):
        migrate(tmp_path / "none", tmp_path / "there")
    assert not (tmp_path / "there").exists()
    others = replace(made.MANIFEST, settings={"fingerprint": "another"})
    create_catalog(tmp_path / "others", others).close()
    with pytest.raises(PresetMismatch, match="another preset"):
        migrate(old, tmp_path / "others")
    create_catalog(tmp_path / "same", replace(made.MANIFEST, catalog_id="0" * 32)).close()
    with migration.WriterLock(tmp_path / "same"), pytest.raises(IndexLocked):
        migrate(old, tmp_path / "same")
    assert migrate(old, tmp_path / "same").copied == PHOTOS
