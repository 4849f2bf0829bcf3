"""Photos in a bucket, asked as a person does: search, similar, export, sheets, the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bucket import NAME, busy
from command_line import Run
from PIL import Image

from indexer.thumbnails.thumbnail import thumbnail
from model.errors import PhotoChanged, StoreAway
from model.stores import failures
from searchengine import SearchEngine
from searchengine.photos.photo_pixels import bytes_of, image_of, unchanged_file
from searchengine.web.photo_bytes import file_as_it_is

if TYPE_CHECKING:
    from bucket import Bucket

ROOT = f"s3://{NAME}/photos"


@pytest.fixture
def kept(bucket: Bucket, photos: Path) -> Bucket:
    """The bucket with the photos of the folder in it."""
    for path in photos.glob("*.*"):
        bucket.put(
            f"photos/{'old' if path.stem == 'blue' else 'new'}/{path.name}", path.read_bytes()
        )
    return bucket


def test_photos_of_a_bucket_are_searched_shown_and_exported(
    run: Run, kept: Bucket, photos: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    first = run("index", f"{ROOT}/", "--index", index, "--preset", "colours", "-j", 1)
    assert first.code == 3  # one photo is broken
    assert first.out == "3 added, 1 skipped, 1 unsupported\n"
    assert re.search(rf"skipped \(PhotoUnreadable\): {ROOT}/new/broken\.png", first.err)

    def found(*arguments: object) -> list[str]:
        done = run("search", *arguments, "--index", index, "--json", "-k", 9)
        assert done.code == 0, done.err
        return [match["photo"] for match in json.loads(done.out)["matches"]]

    assert found("red")[0] == f"{ROOT}/new/red.png"
    assert set(found("red", "--in", f"{ROOT}/old")) == {f"{ROOT}/old/blue.png"}
    assert set(found("red", "--in", "old/*")) == {f"{ROOT}/old/blue.png"}
    assert set(found("red", "--in", f"s3a://{NAME}/photos/new/*.PNG")) == {
        f"{ROOT}/new/{colour}.png" for colour in ("red", "green")
    }

    like = run("similar", f"{ROOT}/new/red.png", "--at", "60,60", "--index", index, "--json")
    assert json.loads(like.out)["matches"][0]["photo"] == f"{ROOT}/new/red.png"
    unindexed = kept.put("elsewhere.png", (photos / "green.png").read_bytes() + b" ")
    like = run("similar", unindexed, "--index", index, "--json")
    assert json.loads(like.out)["matches"][0]["photo"] == f"{ROOT}/new/green.png"
    meant = run("refer", unindexed, "green square", "--preset", "colours", "--json")
    assert json.loads(meant.out)["matches"][0]["photo"] == unindexed

    sheet = tmp_path / "sheet.png"
    assert run("search", "red", "--index", index, "--sheet", sheet).code == 0
    with Image.open(sheet) as drawn:
        assert min(drawn.size) > 100
    for format in ("cutouts", "overlays", "coco", "yolo", "labelme", "cvat", "masks"):
        out = tmp_path / format
        done = run("export", "red", "--index", index, "--output", out, "--format", format)
        assert done.code == 0, done.err
    copies = [path.read_bytes() for path in (tmp_path / "yolo" / "images").rglob("*.png")]
    assert (photos / "red.png").read_bytes() in copies
    coco = json.loads((tmp_path / "coco" / "annotations.json").read_text())
    assert {"new/red.png", "old/blue.png"} <= {image["file_name"] for image in coco["images"]}
    (labelme,) = (tmp_path / "labelme").rglob("red.json")
    assert json.loads(labelme.read_text())["imagePath"] == f"{ROOT}/new/red.png"

    with SearchEngine.open(index) as engine:
        (photo,) = {m.photo.id: m.photo for m in engine.search("red", k=1)}.values()
    (index / "thumbnails.sqlite").unlink()
    kept.requests.clear()
    assert thumbnail(index, photo)[:2] == b"\xff\xd8"
    assert image_of(photo).pixels.shape == (120, 160, 3)
    assert file_as_it_is(photo) == ((photos / "red.png").read_bytes(), "image/png")
    assert kept.asked("GET /museum/photos/new/red.png") == 3  # once each
    assert unchanged_file(photo) == photo.path


def test_a_photo_is_shown_only_as_it_was_indexed(
    kept: Bucket, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setattr(failures, "LONGEST_WAIT", 0.02)
    index = tmp_path / "index"
    run("index", f"{ROOT}/old", "--index", index, "--preset", "colours", "-j", 1)
    with SearchEngine.open(index) as engine:
        photo = engine.search("blue", k=1)[0].photo
    content = (photos / "blue.png").read_bytes()
    kept.do(busy, "GET /museum/photos/old/blue.png", times=100)
    with pytest.raises(StoreAway, match="does not answer"):
        bytes_of(photo)
    kept.go_well()
    kept.put("photos/old/blue.png", (photos / "red.png").read_bytes())
    for deed in (bytes_of, image_of, unchanged_file):
        with pytest.raises(PhotoChanged, match="has changed since it was indexed"):
            deed(photo)
    kept.delete("photos/old/blue.png")
    for deed in (bytes_of, image_of, unchanged_file):
        with pytest.raises(PhotoChanged, match="has vanished"):
            deed(photo)
    kept.put("photos/old/blue.png", content)
    assert bytes_of(photo) == content


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("index", "s3://nowhere/photos"), 1, "there is no bucket nowhere"),
        (("index", f"s3://{NAME}/nothing"), 1, "nothing is called s3://museum/nothing"),
        (("index", "s3://key:open-sesame@museum/a"), 1, "credentials come from the environment"),
        (("index", "https://museum.org/photos"), 1, "https:// is no store"),
        (("watch", f"s3://{NAME}/photos"), 2, "by a timer"),
        (("similar", f"s3://{NAME}/nothing.jpg"), 1, "s3://museum/nothing.jpg is not there"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, bucket: Bucket, tmp_path: Path, indexed: Path, arguments: tuple, code: int, told: str
) -> None:
    verb, place = arguments
    index = indexed if verb == "similar" else tmp_path / "index"
    more = () if verb == "similar" else ("--preset", "colours")
    done = run(verb, place, "--index", index, *more)
    assert done.code == code
    assert told in re.sub(r"[│\s]+", " ", done.err)
    assert code == 2 or done.err.count("\n") == 1
    assert "sesame" not in done.err
