import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from indexer.catalog.records import FileStamp
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.scan.plan import Plan, make_plan
from indexer.scan.walk import walk
from model.photos.images import content_hash


@pytest.fixture
def photos(tmp_path: Path, painted: ModuleType) -> Path:
    folder = tmp_path / "photos"
    for number in range(4):
        painted.paint(folder / f"{number}.png", number)
    return folder


def stamp_of(path: Path) -> FileStamp:
    status = path.stat()
    return FileStamp(str(path), status.st_size, status.st_mtime_ns)


@pytest.fixture
def remember(catalog: SqliteCatalog, made: ModuleType) -> Callable[[Path, int], int]:
    """Put a file into the catalog as photo `number`, its content hash being real."""

    def remember(path: Path, number: int) -> int:
        photo = replace(made.made_photo(number), content_hash=content_hash(path))
        return catalog.add_photo(photo, stamp_of(path))

    return remember


def plan_of(catalog: SqliteCatalog, *roots: Path, **options: object) -> Plan:
    return make_plan(catalog, roots, walk(roots), **options)


def names(stamps: list[FileStamp]) -> list[str]:
    return sorted(Path(stamp.path).name for stamp in stamps)


def test_all_is_new_at_first(catalog: SqliteCatalog, photos: Path) -> None:
    plan = plan_of(catalog, photos)
    assert names(plan.look) == ["0.png", "1.png", "2.png", "3.png"]
    assert (plan.known, plan.unchanged, plan.gone, plan.seen) == ([], 0, [], 0)


def test_unchanged_files_are_not_opened(
    catalog: SqliteCatalog,
    photos: Path,
    remember: Callable[[Path, int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(4):
        remember(photos / f"{number}.png", number)

    def opened(*_: object) -> bytes:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("indexer.scan.plan.content_hash", opened)
    monkeypatch.setattr("indexer.scan.plan.read_header", opened)
    plan = plan_of(catalog, photos)
    assert (plan.unchanged, plan.seen, plan.look) == (4, 4, [])


def test_only_files_of_a_size_that_is_known_are_hashed(
    catalog: SqliteCatalog,
    photos: Path,
    remember: Callable[[Path, int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember(photos / "0.png", 0)
    shutil.copy(photos / "0.png", photos / "copy.png")
    with (photos / "1.png").open("ab") as file:
        file.write(bytes(5000))  # no other file is as long
    hashed = []
    monkeypatch.setattr(
        "indexer.scan.plan.content_hash", lambda p: hashed.append(p) or content_hash(p)
    )
    plan = plan_of(catalog, photos)
    assert str(photos / "copy.png") in hashed
    assert str(photos / "0.png") not in hashed
    assert str(photos / "1.png") not in hashed
    assert [(Path(stamp.path).name, photo) for stamp, photo in plan.known] == [("copy.png", 1)]


def test_moved_and_gone_are_told_apart(
    catalog: SqliteCatalog, photos: Path, remember: Callable[[Path, int], int]
) -> None:
    moved = remember(photos / "0.png", 0)
    remember(photos / "1.png", 1)
    (photos / "0.png").rename(photos / "zero.png")
    (photos / "1.png").unlink()
    plan = plan_of(catalog, photos)
    assert plan.known == [(stamp_of(photos / "zero.png"), moved)]
    assert plan.moved == [str(photos / "0.png")]
    assert plan.gone == [str(photos / "1.png")]


def test_a_copy_elsewhere_does_not_take_a_name_outside_the_roots(
    catalog: SqliteCatalog, photos: Path, remember: Callable[[Path, int], int], tmp_path: Path
) -> None:
    remember(photos / "0.png", 0)
    (tmp_path / "archive").mkdir()
    (photos / "0.png").rename(tmp_path / "archive" / "0.png")
    plan = plan_of(catalog, tmp_path / "archive")
    assert (len(plan.known), plan.moved, plan.gone) == (1, [], [])


def test_twins_are_looked_at_once(catalog: SqliteCatalog, photos: Path) -> None:
    for name in ("a", "b"):
        shutil.copy(photos / "2.png", photos / f"{name}.png")
    plan = plan_of(catalog, photos)
    assert names(plan.look) == ["0.png", "1.png", "2.png", "3.png"]
    first = str(photos / "2.png")
    assert names(plan.twins[first]) == ["a.png", "b.png"]
    assert plan.digests == {first: content_hash(first)}


def test_a_second_name_of_a_folder_is_not_walked_twice(
    catalog: SqliteCatalog, photos: Path, remember: Callable[[Path, int], int]
) -> None:
    remember(photos / "0.png", 0)
    plan = plan_of(catalog, photos, photos, photos / "0.png")
    assert (plan.unchanged, plan.seen, len(plan.look)) == (1, 1, 3)


def test_a_file_as_root_is_about_itself_alone(
    catalog: SqliteCatalog, photos: Path, remember: Callable[[Path, int], int]
) -> None:
    for number in range(4):
        remember(photos / f"{number}.png", number)
    plan = plan_of(catalog, photos / "2.png")
    assert (plan.unchanged, plan.seen, plan.gone) == (1, 1, [])


@pytest.mark.parametrize("retry", [False, True])
def test_what_would_fail_again_is_not_tried_again(
    catalog: SqliteCatalog, photos: Path, retry: bool
) -> None:
    (photos / "letter.png").write_text("Dear Sir or Madam")
    (photos / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for name, kind in (
        ("0.png", "PhotoUnreadable"),
        ("1.png", "PhotoUnreachable"),
        ("2.png", "PhotoTooLarge"),
        ("3.png", "PhotoTooLarge"),
        ("letter.png", "PhotoUnsupported"),
    ):
        catalog.skip_file(stamp_of(photos / name), f"{name} failed", kind)
    (photos / "3.png").touch()
    plan = plan_of(catalog, photos, max_megapixels=0.001, retry=retry)
    skipped = {Path(path).name: (kind, reason) for path, kind, reason in plan.skipped}
    if retry:
        assert skipped == {}
        assert len(plan.look) == 5
    else:
        assert names(plan.look) == ["3.png"]
        assert skipped["0.png"] == ("PhotoUnreadable", "0.png failed")
        assert skipped["1.png"][0] == skipped["2.png"][0] == "PhotoTooLarge"
        assert skipped["letter.png"][0] == "PhotoUnsupported"
        assert names(plan_of(catalog, photos).look) == ["1.png", "2.png", "3.png"]


def test_what_cannot_be_listed_is_not_gone(
    catalog: SqliteCatalog,
    photos: Path,
    remember: Callable[[Path, int], int],
    painted: ModuleType,
    tmp_path: Path,
) -> None:
    painted.paint(photos / "far" / "9.png", 9)
    remember(photos / "far" / "9.png", 9)
    remember(photos / "0.png", 0)
    shutil.rmtree(photos / "far")
    (photos / "far").symlink_to(tmp_path / "unmounted")
    (photos / "0.png").unlink()
    plan = plan_of(catalog, photos)
    assert plan.gone == [str(photos / "0.png")]
    assert [Path(found.path).name for found in plan.unreadable] == ["far"]


def test_how_far_it_is_is_told(
    catalog: SqliteCatalog, photos: Path, remember: Callable[[Path, int], int]
) -> None:
    shutil.copy(photos / "0.png", photos / "copy.png")
    told: list[tuple[int, int, int]] = []
    plan_of(catalog, photos, told=lambda *counts: told.append(counts))
    sizes = Counter(path.stat().st_size for path in photos.iterdir())
    to_read = sum(count for count in sizes.values() if count > 1)
    assert to_read >= 2
    assert told[:5] == [(found, 0, 0) for found in range(1, 6)]
    assert told[5:] == [(5, read, to_read) for read in range(to_read)]


def test_a_file_that_vanishes_while_planning_is_left_to_the_worker(
    catalog: SqliteCatalog, photos: Path, remember: Callable[[Path, int], int]
) -> None:
    remember(photos / "0.png", 0)
    os.utime(photos / "0.png", ns=(1, 1))
    found = list(walk([photos]))
    (photos / "0.png").unlink()
    plan = make_plan(catalog, [photos], found)
    assert "0.png" in names(plan.look)
    assert plan.gone == []
