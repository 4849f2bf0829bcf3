from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.catalog.records import Counts, FileStamp, IndexedPhoto, ReadPhoto, SkippedFile
from indexer.catalog.sqlite.migrations import newest_version
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import QueryError, SpaceMismatch, StorageError


def test_a_photo_comes_back_as_it_was(catalog: SqliteCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 9)
    for number in range(9):
        given_photo = made.made_photo(number)
        photo_id = catalog.photo_by_hash(given_photo.content_hash)
        assert photo_id is not None
        row = catalog.photos([photo_id])[photo_id]
        header = given_photo.header
        assert (row.format, row.size, row.orientation) == (
            header.format,
            header.size,
            header.orientation,
        )
        assert (row.taken_at, row.camera) == (header.taken_at, header.camera)
        assert (row.latitude, row.longitude) == (header.latitude, header.longitude)
        assert row.perceptual_hash == given_photo.perceptual_hash
        assert row.files == (row.path,) == (made.made_stamp(number).path,)
        segments = catalog.segments_of(photo_id)
        expected = given_photo.segments
        assert [s.ordinal for s in segments] == list(range(len(expected)))
        assert all(s.frame == expected.size for s in segments)
        assert tuple(s.counts for s in segments) == expected.counts
        assert [s.area for s in segments] == expected.areas.tolist()
        assert [s.quality for s in segments] == expected.quality.tolist()
        assert [list(s.box) for s in segments] == expected.boxes.tolist()
        parents = [None if p < 0 else segments[p].id for p in expected.parents.tolist()]
        assert [s.parent_id for s in segments] == parents
        assert catalog.segments([s.id for s in segments]) == {s.id: s for s in segments}


def test_vectors_come_back_in_the_order_asked(catalog: SqliteCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 30)
    truth = np.concatenate([made.made_photo(n).embeddings.vectors for n in range(30)])
    ids = catalog.segment_ids()
    assert ids.dtype == np.int64
    asked = np.random.default_rng(0).permutation(np.concatenate([ids, ids[:7]]))
    found = catalog.vectors_of(asked)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, truth[np.searchsorted(ids, asked)], atol=5e-3)
    assert catalog.vectors_of([]).shape == (0, 8)
    np.testing.assert_allclose(
        catalog.photo_vector(4), made.made_photo(3).photo_embedding.vectors[0], atol=5e-3
    )


@pytest.mark.parametrize("after", [0, 1, 17, 10_000])
def test_blocks_hold_all_vectors_after_an_id(
    catalog: SqliteCatalog, made: ModuleType, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write(catalog, 0, 30)
    monkeypatch.setattr("indexer.catalog.sqlite.stored_vectors._ROWS_A_BLOCK", 7)
    ids = catalog.segment_ids()
    expected = ids[ids > after]
    blocks = list(catalog.vector_blocks(after))
    assert all(v.dtype == np.float32 and len(i) == len(v) for i, v in blocks)
    found = np.concatenate([i for i, _ in blocks]) if blocks else np.zeros(0, np.int64)
    assert found.tolist() == expected.tolist()
    for block_ids, vectors in blocks:
        assert np.array_equal(vectors, catalog.vectors_of(block_ids))


def test_what_is_not_there_is_left_out_or_said(catalog: SqliteCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 3)
    assert catalog.segments([99]) == {}
    assert catalog.photos([99]) == {}
    assert catalog.segments_of(99) == []
    assert catalog.photo_by_hash(b"other") is None
    with pytest.raises(QueryError, match="no segment 99"):
        catalog.vectors_of([1, 99])
    with pytest.raises(QueryError, match="no photo 99"):
        catalog.photo_vector(99)


def test_the_same_content_is_stored_once(catalog: SqliteCatalog, made: ModuleType) -> None:
    first = catalog.add_photo(made.made_photo(4), FileStamp("/b", 1, 1))
    second = catalog.add_photo(made.made_photo(4), FileStamp("/a", 1, 1))
    assert first == second
    assert catalog.counts() == Counts(photos=1, segments=4, files=2, skipped=0)
    assert catalog.photos([first])[first].files == ("/a", "/b")


def test_the_path_is_of_a_file_that_is_there(
    catalog: SqliteCatalog, made: ModuleType, tmp_path: Path
) -> None:
    present = tmp_path / "z.jpg"
    present.touch()
    photo_id = catalog.add_photo(made.made_photo(4), FileStamp("/gone.jpg", 1, 1))
    assert catalog.photos([photo_id])[photo_id].path == "/gone.jpg"
    catalog.move_files([(FileStamp(str(present), 1, 1), photo_id)], ())
    assert catalog.photos([photo_id])[photo_id].path == str(present)


def test_a_photo_goes_with_its_last_file(catalog: SqliteCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 3)
    kept = catalog.add_photo(made.made_photo(9), FileStamp("/a", 1, 1))
    catalog.move_files([(FileStamp("/b", 1, 1), kept)], ())
    assert catalog.forget_files(["/a", "/not known"]) == 0
    assert catalog.forget_files(["/b"]) == 1
    assert catalog.counts() == Counts(photos=3, segments=3, files=3, skipped=0)
    assert catalog.check(full=True) == []


def test_a_file_whose_content_changed_takes_its_photo_along(
    catalog: SqliteCatalog, made: ModuleType
) -> None:
    stamp = made.made_stamp(1)
    old = catalog.add_photo(made.made_photo(3), stamp)
    new = catalog.add_photo(made.made_photo(4), replace(stamp, mtime_ns=5))
    assert catalog.photos([old, new]).keys() == {new}
    catalog.skip_file(replace(stamp, mtime_ns=6), "truncated", "PhotoUnreadable")
    assert catalog.counts() == Counts(photos=0, segments=0, files=1, skipped=1)
    assert catalog.skipped() == [SkippedFile(stamp.path, "PhotoUnreadable", "truncated")]
    catalog.add_photo(made.made_photo(4), stamp)
    assert catalog.skipped() == []


def test_ids_are_never_used_again(catalog: SqliteCatalog, made: ModuleType) -> None:
    made.write(catalog, 0, 5)
    last = catalog.segment_ids()[-1]
    catalog.forget_files([made.made_stamp(n).path for n in range(5)])
    assert len(catalog.segment_ids()) == 0
    catalog.add_photo(made.made_photo(4), made.made_stamp(4))
    assert catalog.segment_ids().tolist() == list(range(last + 1, last + 5))


def test_the_generation_counts_changes_of_photos(catalog: SqliteCatalog, made: ModuleType) -> None:
    seen = [catalog.generation]

    def changes() -> int:
        seen.append(catalog.generation)
        return seen[-1] - seen[-2]

    photo_id = catalog.add_photo(made.made_photo(4), made.made_stamp(4))
    assert changes() == 1
    catalog.add_photo(made.made_photo(4), made.made_stamp(4))
    catalog.move_files([(replace(made.made_stamp(4), mtime_ns=77), photo_id)], ())
    catalog.skip_file(FileStamp("/bad", 1, 1), "empty", "PhotoUnreadable")
    catalog.forget_files(["/not known", "/bad"])
    catalog.remember_root("/photos")
    assert changes() == 0
    catalog.move_files([(FileStamp("/a", 1, 1), photo_id)], ())
    assert changes() == 1
    catalog.forget_files(["/a", made.made_stamp(4).path])
    assert changes() == 1


def test_files_below_a_folder(
    catalog: SqliteCatalog, made: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.catalog.table_reader._FILES_A_BLOCK", 2)
    paths = ["/a/b", "/a/b/1", "/a/b/2", "/a/b/c/3", "/a/b c", "/a/b0", "/a/b\udcff/4", "/z"]
    for path in paths:
        catalog.skip_file(FileStamp(path, 1, 2), "why", "Kind")
    assert [f.stamp.path for f in catalog.files()] == sorted(paths, key=os.fsencode)
    below = ["/a/b", "/a/b/1", "/a/b/2", "/a/b/c/3"]
    assert [f.stamp.path for f in catalog.files("/a/b")] == below
    assert [f.stamp.path for f in catalog.files("/a/b/")] == below[1:]
    assert len(list(catalog.files("/"))) == len(paths)
    file = next(catalog.files("/z"))
    assert file == (FileStamp("/z", 1, 2), None, "Kind", "why")


@settings(max_examples=20)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5, unique=True))
def test_any_name_survives(tmp_path_factory: pytest.TempPathFactory, names: list[bytes]) -> None:
    made = __import__("made_photos")
    names = [name.replace(b"\0", b"").replace(b"/", b"") or b"x" for name in names]
    paths = sorted({os.fsdecode(b"/photos/" + name) for name in names}, key=os.fsencode)
    with SqliteCatalog.create(tmp_path_factory.mktemp("any") / "index", made.MANIFEST) as catalog:
        photo_id = catalog.add_photo(made.made_photo(4), FileStamp(paths[0], 1, 1))
        for path in paths[1:]:
            catalog.move_files([(FileStamp(path, 1, 1), photo_id)], ())
        catalog.remember_root(paths[0])
        assert catalog.roots() == [paths[0]]
        assert [f.stamp.path for f in catalog.files("/photos")] == paths
        assert catalog.photos([photo_id])[photo_id].files == tuple(paths)
        assert catalog.forget_files(paths) == 1


def test_what_planning_asks(catalog: SqliteCatalog, made: ModuleType) -> None:
    assert catalog.seconds_per_photo() is None
    made.write(catalog, 0, 3)
    catalog.skip_file(FileStamp("/bad", 5, 5), "empty", "PhotoUnreadable")
    assert catalog.known_sizes([5, 1001, 1002, 99]) == {1001, 1002}
    assert catalog.seconds_per_photo() == pytest.approx(1.25)


def test_another_space_is_refused(catalog: SqliteCatalog, made: ModuleType) -> None:
    photo = made.made_photo(0)
    other = EmbeddingSpace("other", 8, "decaf0")
    photo = replace(
        photo,
        embeddings=Embeddings.empty(other),
        photo_embedding=Embeddings(photo.photo_embedding.vectors, other),
    )
    with pytest.raises(SpaceMismatch):
        catalog.add_photo(photo, made.made_stamp(0))
    assert catalog.counts().photos == 0


def test_parts_that_do_not_belong_together_are_refused(made: ModuleType) -> None:
    photo = made.made_photo(4)
    with pytest.raises(ValueError, match="3 vectors for 4 segments"):
        replace(photo, embeddings=photo.embeddings[:3])


def test_the_manifest_is_kept(catalog: SqliteCatalog, made: ModuleType) -> None:
    with SqliteCatalog.open(catalog.folder, readonly=True) as reopened:
        assert reopened.manifest == made.MANIFEST
        assert reopened.schema_version == newest_version()


def test_there_is_one_catalog_in_a_folder(catalog: SqliteCatalog, made: ModuleType) -> None:
    with pytest.raises(StorageError, match="already"):
        SqliteCatalog.create(catalog.folder, made.MANIFEST)


def edited(photo: IndexedPhoto, **header: object) -> IndexedPhoto:
    """The same pixels in a file with other metadata."""
    return replace(photo, content_hash=bytes(31) + b"E", header=replace(photo.header, **header))


def as_read(photo: IndexedPhoto) -> ReadPhoto:
    assert photo.pixel_digest is not None
    return ReadPhoto(photo.content_hash, photo.header, photo.pixel_digest)


@pytest.mark.parametrize("looked_at", [True, False])
def test_edited_metadata_keep_the_photo_and_are_remembered(
    catalog: SqliteCatalog, made: ModuleType, looked_at: bool
) -> None:
    made.write(catalog, 0, 8)
    before = [row.id for row in catalog.segments_of(8)]
    photo = edited(made.made_photo(7), camera="Lomo", orientation=3, taken_at=None)
    stamp = replace(made.made_stamp(7), size=99)
    state = catalog.watermark
    if looked_at:
        assert catalog.add_photo(photo, stamp) == 8
    else:
        assert catalog.add_file(as_read(photo), stamp) == 8
    row = catalog.photos([8])[8]
    assert (row.camera, row.orientation, row.taken_at) == ("Lomo", 3, None)
    assert (row.content_hash, row.files) == (photo.content_hash, (stamp.path,))
    assert [row.id for row in catalog.segments_of(8)] == before
    assert catalog.watermark == state
    assert [known.stamp for known in catalog.files(stamp.path)] == [stamp]
    assert catalog.counts().photos == 8


def test_a_copy_with_equal_pixels_is_another_file_of_the_photo(
    catalog: SqliteCatalog, made: ModuleType, tmp_path: Path
) -> None:
    first = tmp_path / "a.jpg"
    first.touch()
    photo_id = catalog.add_photo(made.made_photo(7), FileStamp(str(first), 0, 0))
    stripped = edited(made.made_photo(7), camera=None, taken_at=None)
    assert catalog.add_photo(stripped, FileStamp("/elsewhere/b.jpg", 1, 1)) == photo_id
    row = catalog.photos([photo_id])[photo_id]
    assert (row.content_hash, row.camera) == (made.made_photo(7).content_hash, "Canon EOS_5D")
    first.unlink()  # what is left is the copy alone: from now on it tells
    assert catalog.add_photo(stripped, FileStamp("/elsewhere/c.jpg", 1, 1)) == photo_id
    assert catalog.photos([photo_id])[photo_id].camera is None


def test_a_file_of_no_known_photo_is_not_remembered(
    catalog: SqliteCatalog, made: ModuleType
) -> None:
    made.write(catalog, 0, 3)
    assert catalog.add_file(as_read(made.made_photo(5)), made.made_stamp(5)) is None
    assert catalog.counts().files == 3


def test_a_photo_without_a_digest_is_known_by_what_is_found_in_it(
    catalog: SqliteCatalog, made: ModuleType
) -> None:
    old = replace(made.made_photo(9), pixel_digest=None)
    photo_id = catalog.add_photo(old, made.made_stamp(9))
    segments = [row.id for row in catalog.segments_of(photo_id)]
    photo = edited(made.made_photo(9), camera="Lomo")
    assert catalog.add_photo(photo, made.made_stamp(9)) == photo_id
    assert [row.id for row in catalog.segments_of(photo_id)] == segments
    assert photo.pixel_digest is not None
    assert catalog.photo_by_pixels(photo.pixel_digest) == photo_id
    other = catalog.add_photo(replace(old, content_hash=bytes(32)), made.made_stamp(1))
    repainted = replace(made.made_photo(9, 3), pixel_digest=bytes(32), content_hash=b"n" * 32)
    assert catalog.add_photo(repainted, made.made_stamp(1)) not in (photo_id, other)
