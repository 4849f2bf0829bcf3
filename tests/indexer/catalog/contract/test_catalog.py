"""What any catalog promises, whatever database is behind it."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
import pytest

from indexer.catalog.catalog import Catalog
from indexer.catalog.filter import Filter
from indexer.catalog.records import Counts, FileStamp, Manifest, ReadPhoto, SkippedFile, Watermark
from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import IndexMissing, QueryError, SpaceMismatch, StorageError
from model.masks.segments import Segments


class BackEnd(Protocol):
    def create(self, folder: Path, manifest: Manifest, /) -> Catalog: ...
    def open(self, folder: Path, *, readonly: bool = False) -> Catalog: ...


def stamp(path: str, size: int = 1, mtime_ns: int = 1) -> FileStamp:
    return FileStamp(path, size, mtime_ns)


def test_a_photo_is_read_back_as_it_was_given(catalog: Catalog, made: ModuleType) -> None:
    photo = made.made_photo(4)
    header = replace(photo.header, taken_offset=-210, taken_source="exif")
    photo = replace(photo, header=header, pixel_digest=b"p" * 32)
    photo_id = catalog.add_photo(photo, stamp("/a.jpg"))
    row = catalog.photos([photo_id])[photo_id]
    assert (row.path, row.files, row.size) == ("/a.jpg", ("/a.jpg",), header.size)
    assert (row.content_hash, row.pixel_digest) == (photo.content_hash, photo.pixel_digest)
    assert (row.taken_at, row.taken_offset, row.taken_source) == (header.taken_at, -210, "exif")
    assert (row.camera, row.latitude, row.longitude) == (
        header.camera,
        header.latitude,
        header.longitude,
    )
    assert row.perceptual_hash == photo.perceptual_hash
    segments = catalog.segments_of(photo_id)
    assert tuple(s.counts for s in segments) == photo.segments.counts
    assert [s.box for s in segments] == [tuple(box) for box in photo.segments.boxes.tolist()]
    assert [s.area for s in segments] == photo.segments.areas.tolist()
    assert [s.quality for s in segments] == photo.segments.quality.tolist()
    assert [s.ordinal for s in segments] == [0, 1, 2, 3]
    assert {s.frame for s in segments} == {photo.segments.size}
    first = segments[0].id
    assert [-1 if s.parent_id is None else s.parent_id - first for s in segments] == (
        photo.segments.parents.tolist()
    )
    assert catalog.segments([s.id for s in segments]) == {s.id: s for s in segments}


def test_vectors_are_directions_to_a_ten_thousandth(catalog: Catalog, made: ModuleType) -> None:
    photo = made.made_photo(4)
    photo_id = catalog.add_photo(photo, stamp("/a.jpg"))
    vectors = catalog.vectors_of(catalog.segment_ids())
    assert vectors.dtype == np.float32
    assert np.einsum("nd,nd->n", vectors, photo.embeddings.vectors).min() > 0.9999
    whole = catalog.photo_vector(photo_id)
    assert float(whole @ photo.photo_embedding.vectors[0]) > 0.9999
    assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-6)


def test_blocks_hold_every_vector_once_by_ascending_id(catalog: Catalog, made: ModuleType) -> None:
    made.write(catalog, 0, 12)
    for after in (0, 5, 10_000):
        blocks = list(catalog.vector_blocks(after))
        found = [i for ids, _ in blocks for i in ids.tolist()]
        assert found == [i for i in catalog.segment_ids().tolist() if i > after]
        for ids, vectors in blocks:
            assert np.array_equal(vectors, catalog.vectors_of(ids))


def test_what_is_not_there_is_left_out_or_said(catalog: Catalog, made: ModuleType) -> None:
    made.write(catalog, 0, 3)
    assert (catalog.segments([99]), catalog.photos([99]), catalog.segments_of(99)) == ({}, {}, [])
    assert catalog.photo_by_hash(b"other") is None
    assert catalog.photo_by_pixels(b"other") is None
    with pytest.raises(QueryError, match="no segment 99"):
        catalog.vectors_of([1, 99])
    with pytest.raises(QueryError, match="no photo 99"):
        catalog.photo_vector(99)


def test_photos_that_came_later_are_told(catalog: Catalog, made: ModuleType) -> None:
    assert catalog.photo_ids().tolist() == []
    made.write(catalog, 0, 3)
    first = catalog.photo_ids()
    assert (first.dtype, len(first)) == (np.int64, 3)
    last = catalog.add_photo(made.made_photo(9), stamp("/later"))
    assert catalog.photo_ids(int(first[-1])).tolist() == [last]
    catalog.forget_files(["/later"])
    again = catalog.add_photo(made.made_photo(9), stamp("/again"))
    assert catalog.photo_ids(int(first[-1])).tolist() == [again]
    assert again > last


def test_the_same_content_is_stored_once(catalog: Catalog, made: ModuleType) -> None:
    first = catalog.add_photo(made.made_photo(4), stamp("/b"))
    assert catalog.add_photo(made.made_photo(4), stamp("/a")) == first
    assert catalog.counts() == Counts(photos=1, segments=4, files=2, skipped=0)
    assert catalog.photos([first])[first].files == ("/a", "/b")
    assert catalog.photo_by_hash(made.made_photo(4).content_hash) == first


def test_photos_of_equal_pixels_are_found_by_the_first(catalog: Catalog, made: ModuleType) -> None:
    ids = [
        catalog.add_photo(replace(made.made_photo(n), pixel_digest=b"same"), stamp(f"/{n}"))
        for n in (1, 2)
    ]
    assert catalog.photo_by_pixels(b"same") == ids[0] == ids[1]


def test_a_photo_goes_with_its_last_file(catalog: Catalog, made: ModuleType) -> None:
    photo_id = catalog.add_photo(made.made_photo(4), stamp("/a"))
    catalog.move_files([(stamp("/b"), photo_id)], [])
    assert catalog.forget_files(["/a", "/unknown"]) == 0
    assert catalog.forget_files(["/b"]) == 1
    assert catalog.counts() == Counts(0, 0, 0, 0)
    assert catalog.check(full=True) == []


def test_photos_may_exchange_their_names(catalog: Catalog, made: ModuleType) -> None:
    one = catalog.add_photo(made.made_photo(3), stamp("/one"))
    two = catalog.add_photo(made.made_photo(4), stamp("/two"))
    catalog.move_files([(stamp("/one"), two), (stamp("/two"), one)], [])
    assert {i: row.files for i, row in catalog.photos([one, two]).items()} == {
        one: ("/two",),
        two: ("/one",),
    }


def test_a_skipped_file_is_remembered_and_takes_its_photo(
    catalog: Catalog, made: ModuleType
) -> None:
    catalog.add_photo(made.made_photo(4), stamp("/a"))
    catalog.skip_file(stamp("/a", 2), "truncated", "PhotoUnreadable")
    assert catalog.skipped() == [SkippedFile("/a", "PhotoUnreadable", "truncated")]
    assert catalog.counts() == Counts(0, 0, 1, 1)
    assert catalog.known_sizes([1, 2]) == set()


def test_segments_are_added_to_a_photo(catalog: Catalog, made: ModuleType) -> None:
    made.write(catalog, 0, 5)
    photo_id = catalog.photo_by_hash(made.made_photo(3).content_hash)
    assert photo_id is not None
    before, ids = catalog.segments_of(photo_id), catalog.segment_ids().tolist()
    vectors = catalog.vectors_of([row.id for row in before])
    others = [i for i in ids if i not in {row.id for row in before}]
    held, mark = catalog.segments(others), catalog.watermark
    added = made.made_addition(8)
    new = catalog.add_segments(photo_id, added)
    after = catalog.segments_of(photo_id)
    assert [row.id for row in after] == list(range(ids[-1] + 1, ids[-1] + 1 + 5))
    assert new == [row.id for row in after[3:]]
    assert [row.ordinal for row in after] == [0, 1, 2, 3, 4]
    for old, now in zip(before, after, strict=False):
        assert (old.counts, old.box, old.quality) == (now.counts, now.box, now.quality)
    assert np.array_equal(catalog.vectors_of([row.id for row in after[:3]]), vectors)
    found = catalog.vectors_of(new)
    assert np.einsum("nd,nd->n", found, added.embeddings.vectors).min() > 0.9999
    assert tuple(row.counts for row in after[3:]) == added.segments.counts
    assert [row.origin for row in after] == [None] * 3 + [made.ORIGIN] * 2
    # as if all had been found at once
    together = Segments.from_counts(after[0].frame, [row.counts for row in after])
    parents = [-1 if row.parent_id is None else row.parent_id - after[0].id for row in after]
    assert parents == together.parents.tolist()
    assert catalog.segments(others) == held
    assert catalog.segments(new) == {row.id: row for row in after[3:]}
    assert catalog.segment_ids().tolist() == others + [row.id for row in after]
    assert catalog.generation == mark.generation + 1
    assert catalog.has_passed(mark)
    assert catalog.counts() == Counts(photos=5, segments=12, files=5, skipped=0, kept=2)
    assert catalog.check(full=True) == []
    assert catalog.segments([row.id for row in before]) == {}


def test_what_is_added_goes_with_its_photo_and_stays_as_long(
    catalog: Catalog, made: ModuleType
) -> None:
    photo_id = catalog.add_photo(made.made_photo(4), stamp("/a"))
    for number in (8, 9):  # the second time, what was added is rewritten, too
        catalog.add_segments(photo_id, made.made_addition(number))
    assert [row.origin for row in catalog.segments_of(photo_id)[4:]] == [made.ORIGIN] * 4
    assert catalog.add_photo(made.made_photo(4), stamp("/a")) == photo_id
    edited = replace(made.made_photo(4), content_hash=b"edited".ljust(32, b"-"))
    assert catalog.add_photo(edited, stamp("/a", 2)) == photo_id
    assert catalog.counts() == Counts(1, 8, 1, 0, 4)
    other = catalog.add_photo(made.made_photo(3), stamp("/a", 3))
    assert other != photo_id
    assert catalog.counts() == Counts(1, 3, 1, 0, 0)
    assert catalog.check(full=True) == []


def test_a_photo_without_segments_gets_some(catalog: Catalog, made: ModuleType) -> None:
    photo_id = catalog.add_photo(made.made_photo(0), stamp("/a"))
    new = catalog.add_segments(photo_id, made.made_addition(7, 1))
    assert [row.id for row in catalog.segments_of(photo_id)] == new
    assert catalog.check(full=True) == []


def test_what_cannot_be_added_changes_nothing(catalog: Catalog, made: ModuleType) -> None:
    photo_id = catalog.add_photo(made.made_photo(4), stamp("/a"))
    before = catalog.segments_of(photo_id), catalog.watermark
    added = made.made_addition(7)
    with pytest.raises(QueryError, match="no photo 99"):
        catalog.add_segments(99, added)
    elsewhere = EmbeddingSpace("other", 8, "decaf0")
    with pytest.raises(SpaceMismatch):
        catalog.add_segments(
            photo_id, replace(added, embeddings=Embeddings(added.embeddings.vectors, elsewhere))
        )
    large = replace(added, segments=Segments.from_masks(np.ones((2, 9, 9), np.bool_)))
    with pytest.raises(ValueError, match=r"frame of \(9, 9\)"):
        catalog.add_segments(photo_id, large)
    nothing = replace(added, segments=added.segments[:0], embeddings=added.embeddings[:0])
    assert catalog.add_segments(photo_id, nothing) == []
    assert (catalog.segments_of(photo_id), catalog.watermark) == before
    with pytest.raises(ValueError, match="one each is due"):
        replace(added, segments=added.segments[:1])


def test_ids_follow_each_other_and_are_never_used_again(catalog: Catalog, made: ModuleType) -> None:
    made.write(catalog, 0, 5)
    before = catalog.segment_ids().tolist()
    assert before == list(range(before[0], before[0] + 10))
    catalog.forget_files([made.made_stamp(n).path for n in range(5)])
    catalog.add_photo(made.made_photo(4), stamp("/a"))
    assert catalog.segment_ids().tolist() == list(range(before[-1] + 1, before[-1] + 5))


def test_conditions_choose_segments(catalog: Catalog, made: ModuleType) -> None:
    made.write(catalog, 0, 20)
    rows = catalog.photos(range(1, 100))

    def chosen(**conditions: object) -> set[int]:
        ids = catalog.segment_ids(Filter(**conditions))  # type: ignore[arg-type]
        assert ids.dtype == np.int64
        assert (ids[1:] > ids[:-1]).all()
        return {row.photo_id for row in catalog.segments(ids.tolist()).values()}

    with_segments = {i for i in rows if catalog.segments_of(i)}
    assert chosen() == with_segments
    assert chosen(photo_ids=(4, 5, 99)) == {4, 5} & with_segments
    day = datetime(2023, 1, 8)
    assert chosen(after=day) == {
        i for i in with_segments if rows[i].taken_at is not None and rows[i].taken_at >= day
    }
    assert chosen(camera="nikon") == {i for i in with_segments if "NIKON" in (rows[i].camera or "")}
    assert chosen(path_glob="*/2021/*") == {i for i in with_segments if "/2021/" in rows[i].path}
    large = catalog.segment_ids(Filter(min_area=0.2)).tolist()
    everything = catalog.segments(catalog.segment_ids().tolist())
    assert large == [i for i, s in everything.items() if s.area / (s.frame[0] * s.frame[1]) >= 0.2]


def test_a_watermark_names_one_state(catalog: Catalog, made: ModuleType) -> None:
    seen = [catalog.watermark]
    steps = [
        lambda: catalog.add_photo(made.made_photo(4), stamp("/a")),
        lambda: catalog.add_photo(made.made_photo(3), stamp("/b")),
        lambda: catalog.forget_files(["/a"]),
    ]
    for step in steps:
        step()
        seen.append(catalog.watermark)
    assert [mark.generation - seen[0].generation for mark in seen] == [0, 1, 2, 3]
    assert len({mark.revision for mark in seen}) == 4
    assert all(catalog.has_passed(mark) for mark in seen)
    assert catalog.generation == seen[-1].generation
    catalog.remember_root("/photos")
    catalog.skip_file(stamp("/bad"), "empty", "PhotoUnreadable")
    assert catalog.watermark == seen[-1]


def test_watermarks_of_others_are_not_passed(
    catalog: Catalog, back_end: BackEnd, made: ModuleType, tmp_path: Path
) -> None:
    made.write(catalog, 0, 3)
    mine = catalog.watermark
    elsewhere = replace(made.MANIFEST, catalog_id="f" * 32)
    with back_end.create(tmp_path / "other", elsewhere) as other:
        made.write(other, 0, 3)
        assert not other.has_passed(mine)
        assert not catalog.has_passed(other.watermark)
    forged = [
        Watermark(mine.catalog_id, mine.generation, "0" * 32),
        Watermark(mine.catalog_id, mine.generation + 1, mine.revision),
    ]
    assert not any(catalog.has_passed(mark) for mark in forged)


def test_a_snapshot_is_of_one_commit(catalog: Catalog, back_end: BackEnd, made: ModuleType) -> None:
    made.write(catalog, 0, 3)
    with back_end.open(catalog.folder, readonly=True) as reader:
        with reader.snapshot():
            before = reader.counts()
            made.write(catalog, 3, 6)
            assert reader.counts() == before
        assert reader.counts() == catalog.counts()


def test_threads_share_one(catalog: Catalog, made: ModuleType) -> None:
    made.write(catalog, 0, 8)
    expected = catalog.segments(catalog.segment_ids().tolist())
    wrong: list[object] = []

    def read() -> None:
        for _ in range(20):
            found = catalog.segments(catalog.segment_ids().tolist())
            if found != expected:
                wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_is_there_when_opened_again(
    catalog: Catalog, back_end: BackEnd, made: ModuleType
) -> None:
    made.write(catalog, 0, 5)
    catalog.remember_root("/photos")
    mark, files = catalog.watermark, list(catalog.files())
    catalog.close()
    with back_end.open(catalog.folder) as reopened:
        assert reopened.manifest == made.MANIFEST
        assert (reopened.watermark, list(reopened.files())) == (mark, files)
        assert reopened.roots() == ["/photos"]
        assert reopened.check(full=True) == []
        assert reopened.repair() == []


def test_there_is_one_in_a_folder_and_none_in_others(
    catalog: Catalog, back_end: BackEnd, made: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match="already"):
        back_end.create(catalog.folder, made.MANIFEST)
    for readonly in (False, True):
        with pytest.raises(IndexMissing):
            back_end.open(tmp_path / "nowhere", readonly=readonly)


def test_another_space_is_refused(catalog: Catalog, made: ModuleType) -> None:
    photo, other = made.made_photo(0), EmbeddingSpace("other", 8, "decaf0")
    photo = replace(
        photo,
        embeddings=Embeddings.empty(other),
        photo_embedding=Embeddings(photo.photo_embedding.vectors, other),
    )
    with pytest.raises(SpaceMismatch):
        catalog.add_photo(photo, stamp("/a"))
    assert catalog.counts() == Counts(0, 0, 0, 0)


def test_columns_tell_what_the_rows_tell(catalog: Catalog, made: ModuleType) -> None:
    assert len(catalog.photo_columns()) == len(catalog.segment_columns()) == 0
    made.write(catalog, 0, 12)
    catalog.add_file(_read(made, 3), stamp("/a/b/c.jpg"))
    catalog.forget_files([made.made_stamp(7).path])
    photo_id = catalog.photo_by_hash(made.made_photo(4).content_hash)
    assert photo_id is not None
    catalog.add_segments(photo_id, made.made_addition(3, 2))
    photos, segments = catalog.photo_columns(), catalog.segment_columns()
    rows = catalog.photos(photos.ids.tolist())
    assert sorted(rows) == photos.ids.tolist()
    assert len(rows) == catalog.counts().photos
    for place, row in enumerate(rows[i] for i in photos.ids.tolist()):
        own = catalog.segments_of(row.id)
        assert photos.segment_counts[place] == len(own)
        assert not own or photos.first_segments[place] == own[0].id
        assert photos.taken[place].item() == row.taken_at
        assert photos.hashes[place] == row.perceptual_hash
        camera = photos.camera[place]
        assert (None if camera < 0 else photos.cameras[camera]) == row.camera
        assert photos.formats[photos.format[place]] == row.format
        assert photos.folders[photos.folder[place]] == str(Path(min(row.files)).parent)
    assert segments.ids.tolist() == catalog.segment_ids().tolist()
    known = catalog.segments(segments.ids.tolist())
    for place, segment in enumerate(known[i] for i in segments.ids.tolist()):
        height, width = segment.frame
        x0, y0, x1, y1 = segment.box
        assert segments.photo_ids[place] == segment.photo_id
        assert segments.areas[place] == pytest.approx(segment.area / height / width)
        centre = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height)
        assert segments.centres[place].tolist() == pytest.approx(centre)
    later = catalog.segment_columns(int(segments.ids[5]))
    assert later.ids.tolist() == segments.ids[6:].tolist()
    assert later.areas.tolist() == segments.areas[6:].tolist()


@pytest.mark.parametrize(("least", "most"), [(0, 1), (0.1, 0.3), (0, 0.2), (0.3, 0.1), (0.5, 1)])
def test_sizes_and_formats_are_conditions(
    catalog: Catalog, made: ModuleType, least: float, most: float
) -> None:
    made.write(catalog, 0, 12)
    columns = catalog.segment_columns()
    areas = columns.areas.astype(np.float64)
    for bound in (least, most):  # no share lies so near that rounding decides
        assert np.abs(areas - bound).min() > 1e-6 or bound in (0, 1)
    found = catalog.segment_ids(Filter(min_area=least, max_area=most, format="jpeg"))
    assert found.tolist() == columns.ids[(areas >= least) & (areas <= most)].tolist()
    assert len(catalog.segment_ids(Filter(format="PNG"))) == 0
    with pytest.raises(QueryError, match="largest area"):
        Filter(max_area=1.5)


def test_where_in_its_photo_a_segment_lies_is_a_condition(
    catalog: Catalog, made: ModuleType
) -> None:
    def lies_left(segment_id: int) -> bool:
        segment = catalog.segments([segment_id])[segment_id]
        return (segment.box[0] + segment.box[2]) / 2 < segment.frame[1] / 3

    for first, last in ((0, 6), (6, 12)):  # what is known of the former half is kept
        made.write(catalog, first, last)
        wanted = [each for each in catalog.segment_ids().tolist() if lies_left(each)]
        assert wanted
        assert catalog.segment_ids(Filter(places=("left",))).tolist() == wanted
    most = Filter(places=("left", "centre", "top right", "right"), format="jpeg")
    assert catalog.segment_ids(most).tolist() == catalog.segment_ids(Filter(format="jpeg")).tolist()


@pytest.mark.parametrize(
    "near", [(0.0, 0.0, 300.0), (1.0, 1.0, 20.0), (0.0, 179.9, 30.0), (90.0, 0.0, 9000.0)]
)
def test_a_place_is_a_condition(
    catalog: Catalog, made: ModuleType, near: tuple[float, float, float]
) -> None:
    """The angle between two unit vectors, times the Earth's radius, is the distance."""
    made.write(catalog, 0, 12)

    def towards(latitude: float, longitude: float) -> np.ndarray:
        north, east = math.radians(latitude), math.radians(longitude)
        across = math.cos(north)
        return np.array([across * math.cos(east), across * math.sin(east), math.sin(north)])

    wanted = []
    for photo in catalog.photos(range(1, 13)).values():
        if photo.latitude is None or photo.longitude is None:
            continue
        one, other = towards(photo.latitude, photo.longitude), towards(*near[:2])
        angle = math.atan2(float(np.linalg.norm(np.cross(one, other))), float(one @ other))
        if angle * 6371.0088 <= near[2]:
            wanted += [segment.id for segment in catalog.segments_of(photo.id)]
    assert catalog.segment_ids(Filter(near=near)).tolist() == sorted(wanted)
    for wrong in ((91.0, 0.0, 1.0), (0.0, 200.0, 1.0), (0.0, 0.0, 0.0), (math.nan, 0.0, 1.0)):
        with pytest.raises(QueryError, match="no place"):
            Filter(near=wrong)


def _read(made: ModuleType, number: int) -> ReadPhoto:
    photo = made.made_photo(number)
    return ReadPhoto(photo.content_hash, photo.header, photo.pixel_digest)
