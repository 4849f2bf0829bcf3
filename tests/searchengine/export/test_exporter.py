import errno
import io
import json
import os
import subprocess
import weakref
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from indexer.catalog.filter import Filter
from indexer.export_formats import Format
from model.errors import ExportError, QueryError, StorageFull
from searchengine import Match
from searchengine.export import FORMATS, ExportOrigin, Layout, export
from searchengine.export.file_names import file_name
from searchengine.output_files import completed
from searchengine.queries.query import Negative, Query

ORIGIN = ExportOrigin("/an/index", "nano", "f00d", Query(words="red car door"))


def square(size: tuple[int, int] = (20, 30)) -> Any:
    mask = np.zeros(size, np.bool_)
    mask[4:14, 6:20] = True
    return mask


@pytest.fixture
def three(made_match: Callable[..., Match], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Three matches in two photos, not together."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("a", "b"):
        Image.new("RGB", (30, 20), (10, 90, 60)).save(folder / f"{name}.png")
    where = [(3, 1, "a"), (5, 2, "b"), (4, 1, "a")]
    return [
        made_match(square(), segment, photo_id=photo, path=folder / f"{name}.png", rank=rank)
        for rank, (segment, photo, name) in enumerate(where, start=1)
    ]


def contents(folder: Path) -> Any:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


EXPECTED = {
    "masks": ["0001-a-3.png", "0002-b-5.png", "0003-a-4.png"],
    "cutouts": ["0001-a-3.png", "0002-b-5.png", "0003-a-4.png"],
    "overlays": ["0001-a-1.jpg", "0002-b-2.jpg"],
    "coco": ["annotations.json"],
    "yolo": ["data.yaml", "images/a-1.jpg", "images/b-2.jpg", "labels/a-1.txt", "labels/b-2.txt"],
    "labelme": ["a.json", "b.json"],
    "cvat": ["annotations.xml"],
}


def test_every_format_that_is_named_can_be_written() -> None:
    assert list(FORMATS) == list(Format)


@pytest.mark.parametrize("format", FORMATS)
def test_the_files_are_those_that_the_manifest_lists(
    format: str, three: list[Match], tmp_path: Path
) -> None:
    report = export(three, tmp_path, format, origin=ORIGIN)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    files = sorted(name for name, data in contents(tmp_path).items() if data is not None)
    assert files == sorted([*EXPECTED[format], "manifest.json"])
    assert sorted(entry["file"] for entry in manifest["files"]) == EXPECTED[format]
    assert manifest["counts"] == {"files": len(files) - 1, "photos": 2, "segments": 3}
    assert manifest["complete"] is True
    assert report.files == len(files)
    assert str(report).startswith(f"3 segments of 2 photos as {format}: {len(files)} files in ")
    assert report.to_dict()["manifest"] == str(tmp_path / "manifest.json")


def test_the_manifest_tells_where_the_matches_come_from(three: list[Match], tmp_path: Path) -> None:
    where = Filter(path_glob="*.png", after=datetime(2024, 1, 2), min_area=0.01)
    negatives = (Negative("blue", 0.25),)
    query = Query(words="red door", negatives=negatives, k=7, where=where, per_photo=2)
    export(
        three,
        tmp_path,
        "masks",
        origin=ExportOrigin("/i", "nano", "f00d", query),
        layout=Layout(raw_frame=True),
    )
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["query"]["words"] == "red door"
    assert manifest["query"]["negatives"] == [{"words": "blue", "weight": 0.25}]
    assert manifest["query"]["k"] == 7
    assert manifest["filters"]["path_glob"] == "*.png"
    assert manifest["filters"]["after"] == "2024-01-02T00:00:00"
    assert manifest["preset"] == {"name": "nano", "fingerprint": "f00d"}
    assert (manifest["index"], manifest["format"], manifest["frame"]) == ("/i", "masks", "file")
    assert datetime.fromisoformat(manifest["created_at"]).tzinfo is not None
    assert manifest["segsearch"]
    entry = next(e for e in manifest["files"] if e["file"] == "0002-b-5.png")
    assert entry["photo"] == three[1].photo.path
    assert entry["segments"] == [{"segment_id": 5, "rank": 2, "score": 0.31, "confidence": 0.92}]


def test_without_a_query_the_conditions_are_still_told(three: list[Match], tmp_path: Path) -> None:
    origin = ExportOrigin("/i", "nano", "f", None, Filter(camera="acme"))
    export(three, tmp_path, "coco", origin=origin)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["query"] is None
    assert manifest["filters"]["camera"] == "acme"
    document = json.loads((tmp_path / "annotations.json").read_text())
    assert document["categories"][0]["name"] == "segment"


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_overwritten_unless_it_is_asked_for(
    format: str, three: list[Match], tmp_path: Path
) -> None:
    export(three, tmp_path, format, origin=ORIGIN)
    (tmp_path / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(ExportError, match=r"would be overwritten: add `overwrite=True`") as refused:
        export(iter(sorted(three, key=lambda m: m.photo.id)), tmp_path, format, origin=ORIGIN)
    in_the_way = len(EXPECTED[format]) + 1
    assert f"and {in_the_way - 1} more" in str(refused.value)
    assert contents(tmp_path) == before
    export(three[:2], tmp_path, format, origin=ORIGIN, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    # what the former run wrote of the third match is removed
    former = {"0003-a-4.png"} if format in ("masks", "cutouts") else set()
    assert set(contents(tmp_path)) == set(before) - former


def test_one_file_in_the_way_stops_everything(three: list[Match], tmp_path: Path) -> None:
    (tmp_path / "0003-a-4.png").write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"0003-a-4\.png would be overwritten"):
        export(three, tmp_path, "masks", origin=ORIGIN)
    assert contents(tmp_path) == {"0003-a-4.png": b"mine"}


def test_other_files_are_not_in_the_way(three: list[Match], tmp_path: Path) -> None:
    (tmp_path / "a-9.png").write_bytes(b"mine")
    report = export(iter([three[1]]), tmp_path, "masks", origin=ORIGIN)
    assert report.segments == 1
    assert (tmp_path / "a-9.png").read_bytes() == b"mine"


@pytest.mark.parametrize("format", ["cutouts", "overlays"])
def test_photos_that_are_gone_or_changed_are_listed(
    format: str, three: list[Match], made_match: Callable[..., Match], tmp_path: Path
) -> None:
    gone = made_match(square(), 8, photo_id=8, path=tmp_path / "gone.jpg")
    changed = made_match(square((40, 60)), 9, photo_id=9, path=three[0].photo.path)
    report = export([gone, *three, changed], tmp_path / "out", format, origin=ORIGIN)
    assert [path for path, _ in report.skipped] == [gone.photo.path, changed.photo.path]
    assert "60×40" in report.skipped[1][1]
    assert (report.photos, report.segments) == (2, 3)
    assert str(report).endswith("2 photos skipped")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["skipped"]) == 2
    assert len(manifest["files"]) == len(EXPECTED[format])


@pytest.mark.parametrize("format", ["masks", "coco", "labelme", "cvat"])
def test_masks_do_not_need_the_photo(
    format: str, made_match: Callable[..., Match], tmp_path: Path
) -> None:
    report = export([made_match(square())], tmp_path, format, origin=ORIGIN)
    assert (report.segments, report.skipped, report.warnings) == (1, (), ())


def test_of_a_stream_one_photo_is_held_at_a_time(
    made_match: Callable[..., Match], tmp_path: Path
) -> None:
    alive = weakref.WeakSet()

    def stream() -> Iterator[Any]:
        for photo in range(150):
            for segment in range(2):
                match = made_match(square(), 2 * photo + segment + 1, photo_id=photo + 1)
                alive.add(match)
                yield match
                assert len(alive) <= 6

    report = export(stream(), tmp_path, "coco", origin=ORIGIN)
    assert (report.photos, report.segments) == (150, 300)
    document = json.loads((tmp_path / "annotations.json").read_text())
    assert len(document["images"]) == 150
    assert len({a["id"] for a in document["annotations"]}) == 300


def test_a_stream_that_comes_back_to_a_photo_is_refused(three: list[Match], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="comes back to photo 1"):
        export(iter(three), tmp_path, "labelme", origin=ORIGIN)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["complete"] is False


class FullDisk(io.RawIOBase):
    def writable(self) -> Any:
        return True

    def seekable(self) -> Any:
        return True

    def seek(self, offset: Any, whence: Any = 0) -> Any:
        return 0

    def write(self, data: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fills_after(monkeypatch: pytest.MonkeyPatch, files: Any) -> None:
    """From so many opened files on, nothing more can be written."""
    opened, real = [], Path.open

    def open_(self: Path, mode: Any = "r", *args: Any, **kwargs: Any) -> Any:
        opened.extend([self] * (mode == "xb"))
        if mode == "xb" and len(opened) > files:
            self.touch()
            return io.BufferedWriter(FullDisk())
        return real(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", open_)


def test_when_the_disk_fills_what_is_complete_stays_and_is_listed(
    three: list[Match], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fills_after(patch, 3)  # the manifest and two masks
        with pytest.raises(
            StorageFull, match=r"disk is full; complete files \(2\) stay in "
        ) as full:
            export(three, tmp_path, "masks", origin=ORIGIN)
    assert str(tmp_path) in str(full.value)
    assert sorted(contents(tmp_path)) == ["0001-a-3.png", "0003-a-4.png", "manifest.json"]
    for name in ("0001-a-3.png", "0003-a-4.png"):
        with Image.open(tmp_path / name) as picture:
            assert np.array_equal(np.asarray(picture) > 0, square())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert [entry["file"] for entry in manifest["files"]] == ["0001-a-3.png", "0003-a-4.png"]
    assert manifest["complete"] is False


@pytest.mark.parametrize("format", FORMATS)
def test_a_disk_full_from_the_start_leaves_no_scraps(
    format: str, three: list[Match], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fills_after(patch, 0)
        with pytest.raises(StorageFull, match="disk is full"):
            export(three, tmp_path, format, origin=ORIGIN)
    assert [name for name, data in contents(tmp_path).items() if data is not None] == []


@pytest.mark.parametrize("format", ["coco", "cvat"])
def test_a_disk_that_fills_leaves_the_older_file_alone(
    format: str, three: list[Match], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(three, tmp_path, format, origin=ORIGIN)
    before = (tmp_path / EXPECTED[format][0]).read_bytes()
    with monkeypatch.context() as patch:
        fills_after(patch, 1)
        with pytest.raises(StorageFull, match="disk is full"):
            export(three, tmp_path, format, origin=ORIGIN, overwrite=True)
    assert (tmp_path / EXPECTED[format][0]).read_bytes() == before
    assert sorted(contents(tmp_path)) == sorted([*EXPECTED[format], "manifest.json"])


def test_what_cannot_be_a_folder_is_refused(three: list[Match], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ExportError, match="is a file, not a folder"):
        export(three, file, "masks", origin=ORIGIN)
    with pytest.raises(ExportError, match="cannot be written"):
        export(three, file / "below", "masks", origin=ORIGIN)
    with pytest.raises(ExportError, match="cannot be written"):
        export(three, tmp_path / ("x" * 300), "masks", origin=ORIGIN)
    assert contents(tmp_path) == {"file": b"mine"}


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no format 'voc': choose one of masks, cutouts"):
        export([], tmp_path / "out", "voc", origin=ORIGIN)
    assert not (tmp_path / "out").exists()


def test_a_failure_before_the_first_file_leaves_nothing_in_the_way(
    three: list[Match], tmp_path: Path
) -> None:
    def stream() -> Iterator[Any]:
        yield three[0]
        raise QueryError("there is no segment 9")

    with pytest.raises(QueryError):
        export(stream(), tmp_path, "coco", origin=ORIGIN)
    assert contents(tmp_path) == {}
    export(three, tmp_path, "coco", origin=ORIGIN)


def test_an_interrupt_leaves_a_list_of_what_is_there(three: list[Match], tmp_path: Path) -> None:
    def stream() -> Iterator[Any]:
        yield three[0]
        yield three[1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(stream(), tmp_path, "masks", origin=ORIGIN)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert [entry["file"] for entry in manifest["files"]] == ["0001-a-3.png"]
    assert manifest["complete"] is False


@given(
    st.text(st.characters(exclude_categories=()), max_size=300),
    st.integers(1, 2**63),
    st.sampled_from([".png", ".json"]),
)
def test_names_are_safe_everywhere(stem: str, number: int, suffix: Any) -> None:
    name = file_name(f"/photos/{stem}.jpg", number, suffix)
    assert len(name.encode("utf-8")) <= 100
    assert name.endswith(f"-{number}{suffix}")
    assert name.isprintable()
    assert not set(name) & set('/\\:*?"<>| ')
    assert not name.startswith((".", "-"))
    assert name == file_name(f"/photos/{stem}.jpg", number, suffix)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/p/IMG_0001.JPG", "IMG_0001-7.png"),
        ("/p/Zürich am See.jpg", "Zürich_am_See-7.png"),
        ("/p/東京.jpg", "東京-7.png"),
        ("/p/🐈🐈.jpg", "photo-7.png"),
        ("/p/a\nb\udcff.jpg", "a_b-7.png"),
        ("/p/.jpg", "jpg-7.png"),
        ("/p/CON.png", "CON-7.png"),
    ],
)
def test_names_tell_the_photo(path: Path, expected: Any) -> None:
    assert file_name(path, 7, ".png") == expected


def test_a_manifest_of_an_earlier_time_stays_when_the_folder_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export([], tmp_path, "masks", origin=ORIGIN)
    before = (tmp_path / "manifest.json").read_bytes()
    with monkeypatch.context() as patch:
        fills_after(patch, 0)
        with pytest.raises(StorageFull), completed(tmp_path / "manifest.json") as file:
            file.write(b"x" * 100_000)
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_folders_below_that_lead_elsewhere_are_refused(three: list[Match], tmp_path: Path) -> None:
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.mkdir()
    out.mkdir()
    for name in ("labels", "images"):
        (out / name).symlink_to(elsewhere)
        for overwrite in (False, True):
            with pytest.raises(ExportError, match="leads out of the folder"):
                export(three, out, "yolo", origin=ORIGIN, overwrite=overwrite)
        (out / name).unlink()
    assert contents(elsewhere) == {}
    assert export(three, out, "yolo", origin=ORIGIN, overwrite=True).photos == 2


def test_what_the_former_export_left_is_removed_and_nothing_else(
    three: list[Match], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(three, out, "yolo", origin=ORIGIN)
    photo = Path(three[0].photo.path)
    before = photo.read_bytes()
    (out / "labels" / "mine.txt").write_text("mine")
    (tmp_path / "outside.txt").write_text("mine")
    manifest = json.loads((out / "manifest.json").read_text())
    lines = [json.dumps({"file": name}) for name in ("../outside.txt", str(photo), "images")]
    text = (out / "manifest.json").read_text()
    text = text.replace('"files": [', '"files": [\n' + "".join(f"  {line},\n" for line in lines))
    (out / "manifest.json").write_text(text)
    assert len(json.loads(text)["files"]) == len(manifest["files"]) + 3
    export(three[:1], out, "masks", origin=ORIGIN, overwrite=True)
    assert sorted(name for name, data in contents(out).items() if data is not None) == [
        "0001-a-3.png",
        "labels/mine.txt",
        "manifest.json",
    ]
    assert not (out / "images").exists()
    assert (tmp_path / "outside.txt").read_text() == "mine"
    assert photo.read_bytes() == before


def test_without_room_for_the_manifest_no_file_stays(
    three: list[Match], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("searchengine.export.manifest.ExportManifest.close", full)
    with pytest.raises(StorageFull, match="disk is full"):
        export(three, tmp_path, "yolo", origin=ORIGIN)
    assert contents(tmp_path) == {}


def test_a_full_disk_still_takes_the_end_of_the_manifest(
    made_match: Callable[..., Match], tmp_path: Path
) -> None:
    """A real small file system, where this system lets one be made."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        noise = np.random.default_rng(0).random((400, 600)) < 0.5
        matches = [made_match(noise, n, photo_id=n) for n in range(1, 60)]
        with pytest.raises(StorageFull, match=r"complete files \(\d+\) stay"):
            export(matches, disk / "out", "masks", origin=ORIGIN)
        manifest = json.loads((disk / "out" / "manifest.json").read_text())
        assert manifest["complete"] is False
        listed = {entry["file"] for entry in manifest["files"]} | {"manifest.json"}
        assert listed == set(contents(disk / "out"))
        assert len(listed) > 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_names_are_relative_to_what_was_indexed(
    made_match: Callable[..., Match], tmp_path: Path
) -> None:
    (tmp_path / "photos" / "2022").mkdir(parents=True)
    places = ["2022/a.jpg", "b.png", "B.jpg"]
    matches = [
        made_match(square(), n, photo_id=n, path=tmp_path / "photos" / place)
        for n, place in enumerate(places, 1)
    ]
    roots = (str(tmp_path / "photos"),)
    origin = ExportOrigin("/i", "nano", "f", None, roots=roots)
    export(matches, tmp_path / "coco", "coco", origin=origin)
    document = json.loads((tmp_path / "coco" / "annotations.json").read_text())
    assert [image["file_name"] for image in document["images"]] == places
    export(matches, tmp_path / "labelme", "labelme", origin=origin)
    # the third differs from the second in nothing but case and suffix
    assert (tmp_path / "labelme" / "2022" / "a.json").exists()
    assert (tmp_path / "labelme" / "b.json").exists()
    shape = json.loads((tmp_path / "labelme" / "B.jpg.json").read_text())
    assert (tmp_path / "labelme" / shape["imagePath"]).resolve() == tmp_path / "photos" / "B.jpg"
    export(matches, tmp_path / "photos", "labelme", origin=origin)
    beside = json.loads((tmp_path / "photos" / "2022" / "a.json").read_text())
    assert beside["imagePath"] == "a.jpg"
