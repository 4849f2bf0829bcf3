"""All that an index remembers is carried over, both ways, whoever is stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from indexer import migration
from indexer.backends import create_catalog, open_catalog
from indexer.catalog.records import FileStamp
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
        rows = catalog.photos(catalog.photo_ids().tolist()).values()
        photos = {row.content_hash: migration._whole(catalog, row).checksum for row in rows}
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
    there = tmp_path / "there"
    add_kept: Callable[..., None] = migration._add_kept

    def stopped(whole: Any, new: Any, photo_id: int, space: Any) -> None:
        if any(each.origin for each in whole.segments):
            raise KeyboardInterrupt  # the photo is there, what was kept of it is not
        add_kept(whole, new, photo_id, space)

    with monkeypatch.context() as patch:
        patch.setattr(migration, "_add_kept", stopped)
        with pytest.raises(KeyboardInterrupt):
            migrate(old, there)
    report = migrate(old, there)
    assert 0 < report.there < PHOTOS
    assert report.copied + report.there == PHOTOS
    assert remembered(there) == remembered(old)


def test_a_copy_that_is_another_is_told(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed = migration._indexed

    def other(*arguments: Any) -> Any:
        photo = indexed(*arguments)
        return replace(photo, perceptual_hash=photo.perceptual_hash ^ 1)

    monkeypatch.setattr(migration, "_indexed", other)
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
