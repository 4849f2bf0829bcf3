import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from indexer.catalog.records import FileStamp
from indexer.scan.found import (
    Found,
    FoundPassedOver,
    FoundPhoto,
    FoundUnreadable,
    FoundUnsupported,
)
from indexer.scan.passed_over import Selection
from indexer.scan.walk import walk
from model.errors import QueryError, RootMissing


def make(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def photos(*roots: str | Path) -> list[str]:
    return [found.path for found in walk(roots) if isinstance(found, FoundPhoto)]


def others(*roots: str | Path) -> list[Found]:
    return [found for found in walk(roots) if not isinstance(found, FoundPhoto)]


def test_photos_come_with_size_and_time_in_the_order_of_their_names(tmp_path: Path) -> None:
    names = ["b.jpg", "a.PNG", "sub/z.jpeg", "sub/deep/c.webp", "another/y.tif", "c.gif"]
    for name in names:
        make(tmp_path / name, name.encode())
    make(tmp_path / "notes.txt")
    make(tmp_path / "no_suffix")
    found = list(walk([tmp_path]))
    expected = ["a.PNG", "b.jpg", "c.gif", "another/y.tif", "sub/z.jpeg", "sub/deep/c.webp"]
    assert found == [
        FileStamp(str(tmp_path / name), len(name), (tmp_path / name).stat().st_mtime_ns)
        for name in expected
    ]


def test_no_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "a.jpg")
    make(tmp_path / "b.cr2")

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"opened {arguments}")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    assert len(list(walk([tmp_path]))) == 2


def test_recognised_but_unread_files_are_told_with_their_suffix(tmp_path: Path) -> None:
    for name in ("a.PSB", "b.mp4", "c.svg", "d.txt"):
        make(tmp_path / name)
    (tmp_path / "folder.psd").mkdir()
    assert others(tmp_path) == [
        FoundUnsupported(str(tmp_path / "a.PSB"), ".psb"),
        FoundUnsupported(str(tmp_path / "b.mp4"), ".mp4"),
        FoundUnsupported(str(tmp_path / "c.svg"), ".svg"),
    ]


def test_hidden_files_waste_bins_and_indexes_are_passed_over(tmp_path: Path) -> None:
    kept = make(tmp_path / "a.jpg")
    for name in (
        ".hidden.jpg",
        "._a.jpg",
        ".thumbnails/b.jpg",
        "@eaDir/c.jpg",
        ".Trash/d.jpg",
        "lost+found/e.jpg",
        "holiday.index/f.jpg",
    ):
        make(tmp_path / name)
    make(tmp_path / "holiday.index/catalog.sqlite")
    assert photos(tmp_path) == [str(kept)]
    found = others(tmp_path)
    assert all(isinstance(each, FoundPassedOver) for each in found)
    assert {Path(each.path).name: each.reason for each in found} == {
        ".hidden.jpg": "hidden",
        "._a.jpg": "AppleDouble file",
        ".thumbnails": "thumbnails or previews",
        "@eaDir": "thumbnails or previews",
        ".Trash": "waste bin",
        "lost+found": "folder of the system",
        "holiday.index": "index of segsearch",
    }


PLACES = (
    "$RECYCLE.BIN", "RECYCLER", "#recycle", "@Recycle", ".Trashes", ".Trash-1000", ".dtrash",
    "#snapshot", ".snapshots", ".zfs", "~snapshot", "@Recently-Snapshot", "@eaDir", ".@__thumb",
    ".thumbnails", ".picasaoriginals", "__MACOSX", "@tmp", ".stversions", ".AppleDouble",
    ".BridgeCache",
)  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        *PLACES,
        "System Volume Information",
        "Holiday Previews.lrdata",
        "Photos.photoslibrary/resources",
        "Photos Library.photoslibrary/database",
        "Old.aplibrary/Thumbnails",
        "iPhoto Library/Data",
        "CaptureOne/Cache",
    ],
)
def test_places_that_are_no_part_of_a_collection(tmp_path: Path, place: str) -> None:
    kept = make(tmp_path / "2023/a.jpg")
    for spelled in {place, place.upper(), place.lower()}:
        make(tmp_path / "2023" / spelled / "deep/b.jpg")
        [passed] = others(tmp_path)
        assert isinstance(passed, FoundPassedOver)
        assert passed.path == str(tmp_path / "2023" / spelled)
        assert photos(tmp_path) == [str(kept)]
        assert photos(tmp_path / "2023" / spelled) == [
            str(tmp_path / "2023" / spelled / "deep/b.jpg")
        ]
        shutil.rmtree(tmp_path / "2023" / spelled)


@pytest.mark.parametrize(
    "place",
    ["Recycled art", "thumbnails of gods", "originals", "A.photoslibrary/originals/1", "snapshots",
     "A.photoslibrary/Masters", "Cache", "a.b_c", "Trash day", "Proc/proc"],
)  # fmt: skip
def test_places_that_only_sound_like_them_are_walked(tmp_path: Path, place: str) -> None:
    photo = make(tmp_path / place / "b.jpg")
    assert photos(tmp_path) == [str(photo)]
    assert others(tmp_path) == []


def selected(root: Path, **patterns: tuple[str, ...]) -> set[str]:
    found = walk([root], Selection(**patterns))
    return {str(Path(f.path).relative_to(root)) for f in found if isinstance(f, FoundPhoto)}


@pytest.mark.parametrize(
    ("exclude", "include", "expected"),
    [
        ((), (), {"a.jpg", "b.PNG", "raw/c.jpg", "raw/d.png", "x/raw/e.jpg"}),
        (("raw",), (), {"a.jpg", "b.PNG"}),
        (("raw/",), (), {"a.jpg", "b.PNG"}),
        (("raw/*",), (), {"a.jpg", "b.PNG"}),
        (("x/raw",), (), {"a.jpg", "b.PNG", "raw/c.jpg", "raw/d.png"}),
        (("*.png",), (), {"a.jpg", "raw/c.jpg", "x/raw/e.jpg"}),
        (("ra?", "b.*"), (), {"a.jpg"}),
        (("raw",), ("c.jpg",), {"a.jpg", "b.PNG", "raw/c.jpg"}),
        (("*",), ("*.png",), {"b.PNG", "raw/d.png"}),
        (("*",), ("x/raw",), {"x/raw/e.jpg"}),
        ((), ("#recycle",), {"a.jpg", "b.PNG", "raw/c.jpg", "raw/d.png", "x/raw/e.jpg",
                             "#recycle/f.jpg"}),
        ((), ("#recycle/*",), {"a.jpg", "b.PNG", "raw/c.jpg", "raw/d.png", "x/raw/e.jpg",
                               "#recycle/f.jpg"}),
        (("collection",), (), {"a.jpg", "b.PNG", "raw/c.jpg", "raw/d.png", "x/raw/e.jpg"}),
    ],
)  # fmt: skip
def test_patterns_choose_what_is_looked_at(
    tmp_path: Path, exclude: tuple[str, ...], include: tuple[str, ...], expected: set[str]
) -> None:
    root = tmp_path / "collection"
    for name in ("a.jpg", "b.PNG", "raw/c.jpg", "raw/d.png", "x/raw/e.jpg", "#recycle/f.jpg"):
        make(root / name)
    assert selected(root, exclude=exclude, include=include) == expected


def test_absolute_patterns_and_letters_in_any_form(tmp_path: Path) -> None:
    make(tmp_path / unicodedata.normalize("NFD", "Café/a.jpg"))
    make(tmp_path / "b.jpg")
    assert selected(tmp_path, exclude=("Café",)) == {"b.jpg"}
    assert selected(tmp_path, exclude=(f"{tmp_path}/Caf*",)) == {"b.jpg"}
    assert selected(tmp_path, exclude=(f"{tmp_path}/",)) == set()
    with pytest.raises(QueryError, match="no path"):
        Selection(exclude=["a\0b"])


def test_exported_files_are_passed_over_and_their_neighbours_are_not(tmp_path: Path) -> None:
    for name in ("a.jpg", "out/1.png", "out/images/2.jpg", "out/mine.jpg"):
        make(tmp_path / name)
    entries = ",\n".join(json.dumps({"file": name}) for name in ("1.png", "images/2.jpg"))
    make(
        tmp_path / "out/manifest.json",
        f'{{\n "segsearch": "1",\n "files": [\n{entries}\n]}}'.encode(),
    )
    assert photos(tmp_path) == [str(tmp_path / "a.jpg"), str(tmp_path / "out/mine.jpg")]
    assert [each.path for each in others(tmp_path)] == [
        str(tmp_path / "out/1.png"), str(tmp_path / "out/images/2.jpg")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["IMG_1", "photo.dat", "scan.jpg~", "noise.txt"])
def test_a_file_that_is_named_is_judged_by_its_bytes(tmp_path: Path, name: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "WEBP")
    photo = make(tmp_path / name, file.getvalue())
    assert photos(photo) == [str(photo)]
    assert photos(tmp_path) == []
    photo.write_bytes(b"Dear Sir or Madam")
    assert isinstance(others(photo)[0], FoundUnsupported)


def test_kin_of_a_suffix_are_counted(tmp_path: Path) -> None:
    for name in ("a.jpg_original", "b.png~", "c.jp2", "d.txt", "e"):
        make(tmp_path / name)
    assert {each.suffix for each in others(tmp_path) if isinstance(each, FoundUnsupported)} == {
        ".jpg_original", ".png~", ".jp2"
    }  # fmt: skip


def test_what_is_named_as_a_root_is_taken_even_if_hidden_or_an_index(tmp_path: Path) -> None:
    hidden = make(tmp_path / ".album/a.jpg")
    beside = make(tmp_path / "own/b.jpg")
    make(tmp_path / "own/catalog.sqlite")
    single = make(tmp_path / ".c.jpg")
    roots = [tmp_path / ".album", tmp_path / "own", single]
    assert sorted(photos(*roots)) == sorted(map(str, [hidden, beside, single]))


def test_roots_may_be_files_and_are_found_once(tmp_path: Path) -> None:
    photo = make(tmp_path / "a.jpg")
    text = make(tmp_path / "notes.txt")
    assert photos(photo, tmp_path, photo) == [str(photo)]
    assert others(text) == [FoundUnsupported(str(text), ".txt")]


def test_overlapping_roots_are_visited_once(tmp_path: Path) -> None:
    photo = make(tmp_path / "sub/a.jpg")
    for roots in ([tmp_path, tmp_path / "sub"], [tmp_path / "sub", tmp_path, tmp_path]):
        assert photos(*roots) == [str(photo)]
    assert photos(tmp_path / "sub" / ".." / "sub") == [str(photo)]


def test_relative_roots_give_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "sub/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert photos("sub") == [str(tmp_path / "sub/a.jpg")]


@pytest.mark.parametrize("root", ["missing", "a.jpg/below", "broken", "", "nul\0"])
def test_a_missing_root_stops_before_anything_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    make(tmp_path / "a.jpg")
    (tmp_path / "broken").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RootMissing, match="is not there") as caught:
        walk([tmp_path, root])
    assert "\n" not in str(caught.value)


def test_linked_files_are_followed_and_broken_links_reported(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere/a.jpg", b"four")
    album = tmp_path / "album"
    album.mkdir()
    (album / "a.jpg").symlink_to(tmp_path / "elsewhere/a.jpg")
    (album / "b.jpg").symlink_to("nowhere.jpg")
    (album / "c.jpg").symlink_to("c.jpg")
    (album / "drive").symlink_to(tmp_path / "unmounted")
    found = list(walk([album]))
    assert [type(each) for each in found] == [FoundPhoto] + [FoundUnreadable] * 3
    assert isinstance(found[0], FoundPhoto)
    assert found[0].size == 4
    assert [Path(each.path).name for each in found] == ["a.jpg", "b.jpg", "c.jpg", "drive"]


def test_linked_folders_are_followed_and_loops_end(tmp_path: Path) -> None:
    photo = make(tmp_path / "album/sub/a.jpg")
    away = make(tmp_path / "away/b.jpg")
    album = tmp_path / "album"
    (album / "sub/up").symlink_to("..")
    (album / "self").symlink_to(".")
    (album / "away").symlink_to(tmp_path / "away")
    (album / "twice").symlink_to(tmp_path / "away")
    (tmp_path / "away/back").symlink_to(album)
    assert photos(album) == [str(photo), str(album / "away/b.jpg")]
    assert away.exists()
    assert others(album) == []


def test_a_folder_has_its_own_path_where_a_link_to_it_sorts_first(tmp_path: Path) -> None:
    photo = make(tmp_path / "z/a.jpg")
    (tmp_path / "a_link.jpg").symlink_to("z")
    assert photos(tmp_path) == [str(photo)]


@pytest.mark.parametrize(
    "name", [b"new\nline.jpg", "🦄 ü.jpg".encode(), b"invalid\xff\xfe.jpg", b"-rf *.jpg"]
)
def test_any_name_survives(tmp_path: Path, name: bytes) -> None:
    path = os.fsencode(tmp_path) + b"/folder \xff\n/" + name
    make(Path(os.fsdecode(path)), b"abc")
    [found] = walk([tmp_path])
    assert isinstance(found, FoundPhoto)
    assert os.fsencode(found.path) == path
    assert found.size == 3


def test_pipes_sockets_and_devices_are_no_photos(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "b.jpg"))
        (tmp_path / "c.jpg").symlink_to("/dev/zero")
        found = others(tmp_path)
        assert others(tmp_path / "a.jpg") == found[:1]
    assert found == [
        FoundUnreadable(str(tmp_path / name), "no ordinary file")
        for name in ("a.jpg", "b.jpg", "c.jpg")
    ]


def test_a_folder_named_like_a_photo_is_walked(tmp_path: Path) -> None:
    photo = make(tmp_path / "a.jpg/b.jpg")
    assert photos(tmp_path) == [str(photo)]


def test_folders_that_vanish_meanwhile_are_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    first, last = make(tmp_path / "a.jpg"), make(tmp_path / "z/z.jpg")
    make(tmp_path / "gone/b.jpg")
    walking = walk([tmp_path])
    assert next(walking).path == str(first)
    shutil.rmtree(tmp_path / "gone")
    gone, rest = walking
    assert gone == FoundUnreadable(str(tmp_path / "gone"), "No such file or directory")
    assert rest.path == str(last)


def test_photos_that_vanish_meanwhile_are_reported(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        make(tmp_path / name)
    walking = walk([tmp_path])
    next(walking)
    (tmp_path / "b.jpg").unlink()
    assert [type(found) for found in walking] == [FoundUnreadable, FoundPhoto]


def test_a_root_that_vanishes_before_the_walk_is_reported(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    walking = walk([tmp_path / "root"])
    (tmp_path / "root").rmdir()
    assert [type(found) for found in walking] == [FoundUnreadable]


UNPRIVILEGED = """
import os, sys
from indexer.scan.walk import walk
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for found in walk(sys.argv[1:]):
    print(type(found).__name__, os.path.basename(found.path), getattr(found, "reason", ""))
"""


def test_folders_without_permission_are_reported_and_the_rest_goes_on() -> None:
    # Not tmp_path: its parents are closed to the other user that root becomes here.
    with tempfile.TemporaryDirectory() as public:
        root = Path(public)
        root.chmod(0o755)
        for name in ("closed/a.jpg", "listed only/b.jpg", "open/c.jpg"):
            make(root / name)
        (root / "closed").chmod(0)
        (root / "listed only").chmod(0o744 if os.getuid() == 0 else 0o444)
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, str(root)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[3],
        )
        for name in ("closed", "listed only"):
            (root / name).chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "FoundUnreadable closed Permission denied",
        "FoundUnreadable b.jpg Permission denied",
        "FileStamp c.jpg ",
    ]


def nested(folder: Path, levels: int, name: str) -> None:
    """A photo so deep that its path may be longer than the system takes."""
    here = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(levels):
            os.mkdir(name, dir_fd=here)
            below = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("deep.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    finally:
        os.close(here)


def remove_nested(folder: Path, name: str) -> None:
    subprocess.run(["rm", "-rf", name], cwd=folder, check=True)


def test_very_deep_folders_are_walked(tmp_path: Path) -> None:
    nested(tmp_path, 1500, "d")
    try:
        [found] = photos(tmp_path)
    finally:
        remove_nested(tmp_path, "d")
    assert found == str(tmp_path / ("d/" * 1500) / "deep.jpg")


def test_paths_too_long_for_the_system_are_reported(tmp_path: Path) -> None:
    make(tmp_path / "z/a.jpg")
    nested(tmp_path, 30, "d" * 200)
    try:
        found = list(walk([tmp_path]))
    finally:
        remove_nested(tmp_path, "d" * 200)
    assert [type(each) for each in found] == [FoundUnreadable, FoundPhoto]
    assert isinstance(found[0], FoundUnreadable)
    assert found[0].reason == "File name too long"
