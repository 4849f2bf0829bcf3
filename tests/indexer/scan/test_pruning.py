from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from model.errors import PruneRefused, RootMissing

PHOTOS = 6


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def drive(tmp_path: Path, index: Path, painted: ModuleType) -> Path:
    """A folder with three photos in it and three in `trip`, indexed."""
    folder = tmp_path / "drive"
    for number in range(PHOTOS):
        painted.paint(folder / ("trip" if number % 2 else "") / f"{number}.png", number)
    painted.run(index, folder)
    return folder


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def held(painted: ModuleType, index: Path) -> int:
    return len(painted.segment_ids(index))


def test_an_emptied_folder_is_refused_whatever_the_number(
    drive: Path, index: Path, painted: ModuleType
) -> None:
    emptied(drive)
    assert painted.run(index, drive).missing == PHOTOS
    with pytest.raises(PruneRefused, match=r"drive has lost all of its photos.*`force=True`"):
        painted.run(index, drive, prune=True)
    assert held(painted, index) == PHOTOS
    assert painted.run(index, drive, prune=True, force=True).removed == PHOTOS
    assert held(painted, index) == 0


def test_so_is_one_where_other_photos_lie_now(
    drive: Path, index: Path, painted: ModuleType
) -> None:
    emptied(drive)
    painted.paint(drive / "other.png", 99)
    (drive / "notes.txt").touch()
    with pytest.raises(PruneRefused, match="lost all"):
        painted.run(index, drive, prune=True)
    assert held(painted, index) == PHOTOS


@pytest.mark.parametrize("vanished", [True, False])
def test_a_root_in_another_is_a_root_by_itself(
    drive: Path, index: Path, painted: ModuleType, vanished: bool
) -> None:
    painted.run(index, drive / "trip")
    emptied(drive / "trip")
    if vanished:
        (drive / "trip").rmdir()
    else:
        (drive / "trip" / "left.txt").touch()
    with pytest.raises(PruneRefused, match=r"trip has lost all of its photos, 3 files"):
        painted.run(index, drive, prune=True)
    assert held(painted, index) == PHOTOS


def test_one_photo_of_one_is_no_less(tmp_path: Path, index: Path, painted: ModuleType) -> None:
    photo = painted.paint(tmp_path / "one" / "a.png", 1)
    painted.run(index, photo.parent)
    photo.unlink()
    with pytest.raises(PruneRefused, match=r"1 file in all"):
        painted.run(index, photo.parent, prune=True)


def test_a_folder_that_is_left_empty_looks_like_a_mount_point(
    drive: Path, index: Path, painted: ModuleType
) -> None:
    emptied(drive / "trip")
    with pytest.raises(PruneRefused, match=r"trip is empty now, 3 files"):
        painted.run(index, drive, prune=True)
    (drive / "trip" / ".DS_Store").touch()  # somebody was there
    assert painted.run(index, drive, prune=True).removed == 3


def test_a_folder_that_vanished_is_forgotten(drive: Path, index: Path, painted: ModuleType) -> None:
    shutil.rmtree(drive / "trip")
    assert painted.run(index, drive, prune=True).removed == 3
    assert held(painted, index) == 3


def test_what_moved_is_not_gone(drive: Path, index: Path, painted: ModuleType) -> None:
    for photo in (drive / "trip").iterdir():
        photo.rename(drive / photo.name)
    report = painted.run(index, drive, prune=True)
    assert (report.recognised, report.removed) == (3, 0)
    assert held(painted, index) == PHOTOS


def test_a_link_without_a_target_changes_nothing(
    drive: Path, index: Path, painted: ModuleType, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(drive)
    painted.run(index, link)
    drive.rename(tmp_path / "unplugged")
    with pytest.raises(RootMissing):
        painted.run(index, link, prune=True)
    drive.mkdir()
    with pytest.raises(PruneRefused, match="link has lost all"):
        painted.run(index, link, prune=True)
    assert held(painted, index) == PHOTOS


def test_a_link_inside_to_an_empty_mount_point_changes_nothing(
    tmp_path: Path, index: Path, painted: ModuleType
) -> None:
    painted.paint(tmp_path / "card" / "1.png", 1)
    painted.paint(tmp_path / "photos" / "2.png", 2)
    (tmp_path / "photos" / "card").symlink_to(tmp_path / "card")
    painted.run(index, tmp_path / "photos")
    emptied(tmp_path / "card")
    with pytest.raises(PruneRefused, match="card is empty now"):
        painted.run(index, tmp_path / "photos", prune=True)
    (tmp_path / "card").rmdir()
    assert painted.run(index, tmp_path / "photos", prune=True).removed == 0
    assert held(painted, index) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_root_that_may_not_be_read_changes_nothing(
    drive: Path, index: Path, painted: ModuleType
) -> None:
    drive.chmod(0)
    try:
        assert painted.run(index, drive, prune=True).removed == 0
    finally:
        drive.chmod(0o700)
    assert held(painted, index) == PHOTOS


def test_an_excluded_photo_is_kept_until_that_is_asked(
    drive: Path, index: Path, painted: ModuleType
) -> None:
    report = painted.run(index, drive, exclude=["trip"], prune=True)
    assert (report.unchanged, report.kept, report.removed, report.missing) == (3, 3, 0, 0)
    assert held(painted, index) == PHOTOS
    (drive / "trip" / "1.png").unlink()  # what is gone there is gone all the same
    report = painted.run(index, drive, exclude=["trip"], prune=True)
    assert (report.kept, report.removed) == (2, 1)
    report = painted.run(index, drive, exclude=["trip"], prune_excluded=True)
    assert (report.kept, report.removed) == (0, 2)
    assert held(painted, index) == 3
    assert painted.run(index, drive).added == 2


def test_a_file_that_was_named_stays_when_its_folder_is_walked(
    drive: Path, index: Path, painted: ModuleType
) -> None:
    (drive / "0.png").rename(drive / "IMG_0")
    report = painted.run(index, drive / "IMG_0")
    assert (report.added, report.recognised) == (0, 1)
    (drive / "extra").write_bytes((drive / "2.png").read_bytes())
    painted.run(index, drive / "extra")
    (drive / "extra").touch()
    report = painted.run(index, drive, prune=True)
    assert "IMG_0" in painted.segment_ids(index)
    assert "extra" in painted.segment_ids(index)


def test_a_folder_in_other_letters_is_the_same_folder(
    tmp_path: Path, index: Path, painted: ModuleType, drive: Path
) -> None:
    (tmp_path / "DRIVE").symlink_to(drive)  # as if the disk took no notice of case
    report = painted.run(index, tmp_path / "DRIVE", tmp_path / "DRIVE" / "trip")
    assert (report.added, report.recognised, report.unchanged) == (0, 0, PHOTOS)
    assert painted.run(index, tmp_path / "DRIVE").unchanged == PHOTOS
    painted.paint(tmp_path / "dRIVE" / "7.png", 7)  # another folder
    assert painted.run(index, tmp_path / "dRIVE").added == 1
