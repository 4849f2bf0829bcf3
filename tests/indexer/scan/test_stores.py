from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bucket import NAME, busy, denied
from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog.records import FileStamp
from indexer.scan.found import Found, FoundPassedOver, FoundPhoto, FoundUnsupported
from indexer.scan.passed_over import EXCLUDED, HIDDEN, WASTE, Selection
from indexer.scan.stores import _photo
from indexer.scan.walk import walk
from model.errors import ExtraMissing, RootMissing, RootUnreachable
from model.stores import failures, listing, store
from model.stores.store import StoredObject

if TYPE_CHECKING:
    from bucket import Bucket

ROOT = f"s3://{NAME}"


def photos(*roots: str | Path, **selection: tuple[str, ...]) -> list[str]:
    found = walk(roots, Selection(**selection))
    return [item.path for item in found if isinstance(item, FoundPhoto)]


def others(*roots: str, **selection: tuple[str, ...]) -> list[Found]:
    return [f for f in walk(roots, Selection(**selection)) if not isinstance(f, FoundPhoto)]


def test_photos_are_found_by_their_keys_a_page_at_a_time(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    keys = ["a.jpg", "b/c.PNG", "b/d.jpg", "e.jpg", "z//f.jpg"]
    for key in [*keys, "b/", "notes.txt"]:
        bucket.put(key, b"x")
    found = walk([ROOT])
    bucket.requests.clear()
    assert next(found).path == f"{ROOT}/a.jpg"
    assert bucket.asked("max-keys=2") == 1  # the other pages only when they are needed
    assert [item.path for item in found] == [f"{ROOT}/{key}" for key in keys[1:]]
    assert bucket.asked("max-keys=2") == 4
    assert bucket.asked("HEAD") == bucket.asked("GET /museum/") == 0  # no object is opened


def test_a_prefix_is_a_folder_or_one_object(bucket: Bucket) -> None:
    for key in ("2023/a.jpg", "2023-old/b.jpg", "2023.jpg"):
        bucket.put(key, b"x")
    assert photos(f"{ROOT}/2023") == photos(f"{ROOT}/2023/") == [f"{ROOT}/2023/a.jpg"]
    assert photos(f"{ROOT}/2023.jpg") == [f"{ROOT}/2023.jpg"]
    with pytest.raises(RootMissing, match="nothing is called s3://museum/2024"):
        walk([f"{ROOT}/2024"])


def test_an_object_named_by_itself_is_judged_by_its_bytes(
    bucket: Bucket, tmp_path: Path, painted: object
) -> None:
    content = painted.paint(tmp_path / "a.png", 1).read_bytes()  # type: ignore[attr-defined]
    assert photos(bucket.put("scan", content)) == [f"{ROOT}/scan"]
    assert others(bucket.put("text", b"words")) == [FoundUnsupported(f"{ROOT}/text", "")]


def test_what_is_no_part_of_a_collection_is_passed_over_as_on_a_disk(
    bucket: Bucket, tmp_path: Path
) -> None:
    keys = (
        "a.jpg", "x/.trash/b.jpg", "x/.trash/deep/c.jpg", "x/.hidden.jpg", "x/d.psd",
        "raw/e.jpg", "raw/keep/f.jpg", ".secret/g.jpg", "y/../h.jpg",
    )  # fmt: skip
    for key in keys:
        bucket.put(key, b"x")
    assert photos(ROOT) == [f"{ROOT}/{key}" for key in ("a.jpg", "raw/e.jpg", "raw/keep/f.jpg")]
    assert others(ROOT) == [
        FoundPassedOver(f"{ROOT}/.secret", HIDDEN),
        FoundPassedOver(f"{ROOT}/x/.hidden.jpg", HIDDEN),
        FoundPassedOver(f"{ROOT}/x/.trash", WASTE),
        FoundUnsupported(f"{ROOT}/x/d.psd", ".psd"),
        FoundPassedOver(f"{ROOT}/y/..", HIDDEN),
    ]
    assert photos(f"{ROOT}/.secret") == [f"{ROOT}/.secret/g.jpg"]
    assert photos(ROOT, exclude=("raw",)) == [f"{ROOT}/a.jpg"]
    assert FoundPassedOver(f"{ROOT}/raw", EXCLUDED) in others(ROOT, exclude=("raw",))
    kept = photos(ROOT, exclude=(f"{ROOT}/raw/*",), include=("raw/keep/*",))
    assert kept == [f"{ROOT}/a.jpg", f"{ROOT}/raw/keep/f.jpg"]
    # the same tree on a disk
    for key in keys[:-1]:
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for rules in ({}, {"exclude": ("raw",)}, {"exclude": ("raw",), "include": ("raw/keep/*",)}):
        there = {path.removeprefix(ROOT) for path in photos(ROOT, **rules)}
        assert there == {path.removeprefix(str(tmp_path)) for path in photos(tmp_path, **rules)}


def test_every_object_is_found_once_below_roots_that_overlap(bucket: Bucket) -> None:
    for key in ("a.jpg", "b/c.jpg", "b/.d/e.jpg"):
        bucket.put(key, b"x")
    roots = (f"{ROOT}/b/.d", ROOT, f"{ROOT}/b", ROOT)
    assert sorted(photos(*roots)) == [f"{ROOT}/{k}" for k in ("a.jpg", "b/.d/e.jpg", "b/c.jpg")]


def test_stores_and_folders_are_walked_together(bucket: Bucket, tmp_path: Path) -> None:
    url = bucket.put("a.jpg", b"x")
    (tmp_path / "b.jpg").write_bytes(b"x")
    assert photos(ROOT, tmp_path) == [str(tmp_path / "b.jpg"), url]
    assert photos(f"file://{tmp_path}") == [str(tmp_path / "b.jpg")]


def test_an_empty_bucket_is_there_and_a_missing_one_is_not(bucket: Bucket) -> None:
    assert photos(ROOT) == []
    with pytest.raises(RootMissing, match="there is no bucket nowhere") as missing:
        walk(["s3://nowhere/photos"])
    assert not isinstance(missing.value, RootUnreachable)


def test_a_list_that_may_not_be_read_is_no_empty_one(bucket: Bucket) -> None:
    bucket.do(denied, "list-type=2")
    with pytest.raises(RootUnreachable, match="may not be read"):
        walk([ROOT])


def test_a_list_that_breaks_off_ends_the_walk(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    monkeypatch.setattr(failures, "LONGEST_WAIT", 0.02)
    for number in range(5):
        bucket.put(f"{number}.jpg", b"x")
    found = walk([ROOT])
    assert [next(found).path, next(found).path] == [f"{ROOT}/0.jpg", f"{ROOT}/1.jpg"]
    bucket.do(busy, "continuation-token", times=100)
    with pytest.raises(RootUnreachable, match="does not answer"):
        next(found)


def test_a_list_is_asked_for_again_where_that_passes(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(5):
        bucket.put(f"{number}.jpg", b"x")
    bucket.do(busy, "list-type=2", times=2)
    bucket.do(busy, "continuation-token", times=2)
    assert len(photos(ROOT)) == 5


def test_a_store_in_memory_is_listed_folder_by_folder() -> None:
    files = store.store_of("memory://x")
    for key in ("/x/a.jpg", "/x/b/c.jpg", "/x/b/.d/e.jpg", "/x/f.txt"):
        files.pipe(key, b"one")
    try:
        assert photos("memory://x") == ["memory://x/a.jpg", "memory://x/b/c.jpg"]
        assert photos("memory://x/b") == ["memory://x/b/c.jpg"]
        assert photos("memory://x/a.jpg") == ["memory://x/a.jpg"]
        with pytest.raises(RootMissing):
            walk(["memory://y"])
    finally:
        files.rm("/x", recursive=True)


def test_without_the_extra_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    def missing(protocol: str) -> None:
        raise ImportError("Please install s3fs to access S3")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    store._opened.cache_clear()
    with pytest.raises(ExtraMissing, match=r"install segsearch\[cloud\]"):
        walk([ROOT])


@given(st.text())
def test_any_key_is_a_photo_or_told_to_be_none(key: str) -> None:
    found = _photo(StoredObject(f"{ROOT}/{key}", 1, 2))
    if isinstance(found, FileStamp):
        assert found.path == f"{ROOT}/{key}"
        found.path.encode("utf-8", "surrogateescape")
    else:
        assert "name" in found.reason
