"""Every format, read back by somebody else's reader or a plain one: nothing may be lost."""

import base64
import contextlib
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from labelformat.formats.yolov8 import YOLOv8InstanceSegmentationInput
from labelformat.model.binary_mask_segmentation import RLEDecoderEncoder
from PIL import Image, ImageOps
from pycocotools.coco import COCO
from skimage.draw import polygon2mask
from skimage.morphology import erosion

from model.errors import ExportError
from model.photos.images import to_raw_frame
from searchengine import Match
from searchengine.export import ExportOrigin, Layout, export
from searchengine.export.cvat import sayable
from searchengine.export.file_names import folder_name
from searchengine.export.yolo import quoted
from searchengine.queries.query import Query

FRAME, SIZE = (45, 60), (167, 223)


def shapes() -> Any:
    """Masks in the working frame that formats like to get wrong."""
    y, x = np.mgrid[: FRAME[0], : FRAME[1]]
    apart = np.hypot(y - 22, x - 24)
    empty = np.zeros(FRAME, np.bool_)
    tiny, thin = empty.copy(), empty.copy()
    tiny[30, 41] = True
    thin[8, 3:50] = True
    return {
        "holes": (apart < 19) & (apart > 9) & ~((y > 10) & (y < 13) & (x > 20) & (x < 24)),
        "island in a hole": ((apart < 19) & (apart > 9)) | (apart < 4),
        "parts": (apart < 8) | (np.hypot(y - 38, x - 52) < 5) | (np.hypot(y - 5, x - 55) < 3),
        "tiny": tiny,
        "thin": thin,
        "border": (x > 52) | (y < 3),
        "all": ~empty,
        "all but a hole": apart > 6,
        "corner": (x + y) < 15,
    }


def overlap(one: np.ndarray, other: np.ndarray) -> Any:
    assert one.shape == other.shape
    return (one & other).sum() / (one | other).sum()


def read_masks(folder: Path, sizes: list[int]) -> Any:
    manifest = json.loads((folder / "manifest.json").read_text())
    found = {}
    for entry in manifest["files"]:
        with Image.open(folder / entry["file"]) as picture:
            assert picture.mode == "L"
            pixels = np.asarray(picture)
        assert set(np.unique(pixels)) <= {0, 255}
        (segment,) = entry["segments"]
        found[segment["segment_id"]] = pixels == 255
    return found


def read_coco(folder: Path, sizes: list[int]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(folder / "annotations.json")
    found = {}
    for annotation in coco.loadAnns(coco.getAnnIds()):
        image = coco.imgs[annotation["image_id"]]
        mask = coco.annToMask(annotation).astype(np.bool_)
        assert mask.shape == (image["height"], image["width"])
        assert annotation["iscrowd"] == 0
        assert annotation["area"] == mask.sum()
        x, y, w, h = annotation["bbox"]
        rows, columns = np.nonzero(mask)
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert [x, y, w, h] == box
        found[annotation["segment_id"]] = mask
    return found


def read_yolo(folder: Path, sizes: list[int]) -> Any:
    manifest = json.loads((folder / "manifest.json").read_text())
    found = {}
    for entry in manifest["files"]:
        if not entry["file"].startswith("labels/"):
            continue
        shape = sizes[entry["photo_id"]]
        lines = (folder / entry["file"]).read_text().splitlines()
        for segment, line in zip(entry["segments"], lines, strict=True):
            label, *values = line.split()
            points = np.array(values, float).reshape(-1, 2) * shape[::-1]
            assert label == "0"
            found[segment["segment_id"]] = polygon2mask(shape, points[:, ::-1] - 0.5)
    return found


def read_labelme(folder: Path, sizes: list[int]) -> Any:
    found = {}
    for file in sorted(set(folder.glob("*.json")) - {folder / "manifest.json"}):
        document = json.loads(file.read_text())
        for shape in document["shapes"]:
            assert shape["shape_type"] == "mask"
            (x0, y0), (x1, y1) = shape["points"]
            mask = np.zeros((document["imageHeight"], document["imageWidth"]), np.bool_)
            with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as part:
                mask[y0 : y1 + 1, x0 : x1 + 1] = np.asarray(part).astype(np.bool_)
            found[shape["segment_id"]] = mask
    return found


def read_cvat(folder: Path, sizes: list[int]) -> Any:
    found = {}
    for image in ElementTree.parse(folder / "annotations.xml").getroot().iter("image"):
        for element in image.iter("mask"):
            left, top, width, height = (
                int(element.get(name)) for name in ("left", "top", "width", "height")
            )
            runs = [int(run) for run in element.get("rle").split(",")]
            part = RLEDecoderEncoder.decode_row_wise_rle(runs, height, width)
            mask = np.zeros((int(image.get("height")), int(image.get("width"))), np.bool_)
            mask[top : top + height, left : left + width] = part
            (number,) = (a.text for a in element if a.get("name") == "segment_id")
            found[int(number)] = mask
    return found


READERS = {
    "masks": read_masks,
    "coco": read_coco,
    "yolo": read_yolo,
    "labelme": read_labelme,
    "cvat": read_cvat,
}
ORIGIN = ExportOrigin("/an/index", "nano", "f00d", Query(words="red car door"))


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("raw_frame", [False, True])
def test_masks_come_back_as_they_were(
    format: str, orientation: int, raw_frame: bool, made_match: Callable[..., Match], tmp_path: Path
) -> None:
    matches = [
        made_match(mask, i, photo_id=i % 2, size=SIZE, orientation=orientation, rank=i)
        for i, mask in enumerate(shapes().values(), start=1)
    ]
    report = export(matches, tmp_path, format, origin=ORIGIN, layout=Layout(raw_frame=raw_frame))
    assert (report.photos, report.segments, report.skipped) == (2, len(matches), ())
    size = SIZE[::-1] if raw_frame and orientation >= 5 else SIZE
    found = READERS[format](tmp_path, {0: size, 1: size})
    assert sorted(found) == [match.segment_id for match in matches]
    for match in matches:
        true = to_raw_frame(match.mask(), orientation) if raw_frame else match.mask()
        least = 0.99 if format == "yolo" else 1
        assert overlap(found[match.segment_id], true) >= least


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_and_cutouts_land_on_the_object(
    orientation: int, made_match: Callable[..., Match], tmp_path: Path
) -> None:
    """What lies under the mask in the file itself is the red object, in either frame."""
    y, x = np.mgrid[:160, :240]
    # an L, so that no two orientations agree
    thing = (x >= 32) & (x < 92) & (y >= 20) & (y < 60)
    thing |= (x >= 64) & (x < 92) & (y >= 20) & (y < 132)
    upright = np.where(thing[..., None], (230, 30, 30), (60, 120, 200)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.png"
    Image.fromarray(np.ascontiguousarray(to_raw_frame(upright, orientation))).save(path, exif=exif)
    small = thing[1::4, 1::4]
    match = made_match(small, path=path, size=(160, 240), orientation=orientation)
    with Image.open(path) as file:
        for raw_frame, picture in [(True, file), (False, ImageOps.exif_transpose(file))]:
            red = np.asarray(picture.convert("RGB"))[..., 0] > 150
            folder = tmp_path / str(raw_frame)
            layout = Layout(raw_frame=raw_frame)
            export([match], folder, "masks", origin=ORIGIN, layout=layout)
            (mask,) = read_masks(folder, {}).values()
            assert overlap(mask, red) > 0.98
            export(
                [match],
                folder / "cut",
                "cutouts",
                origin=ORIGIN,
                layout=layout,
            )
            with Image.open(folder / "cut" / "0001-photo-1.png") as cutout:
                assert cutout.mode == "RGBA"
                *_, alpha = cutout.split()
                rows, columns = np.nonzero(mask)
                window = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
                assert np.array_equal(np.asarray(alpha) == 255, mask[window])
                inside = np.asarray(cutout)[np.asarray(alpha) == 255]
                assert (inside[:, 0] > 150).mean() > 0.95
            export(
                [match],
                folder / "over",
                "overlays",
                origin=ORIGIN,
                layout=layout,
            )
            with Image.open(folder / "over" / "0001-photo-1.jpg") as overlay:
                assert overlay.size == picture.size


def test_yolo_is_read_by_labelformat(made_match: Callable[..., Match], tmp_path: Path) -> None:
    path = tmp_path / "street.v2.jpg"
    Image.new("RGB", SIZE[::-1], (9, 90, 9)).save(path)
    matches = [
        made_match(mask, i, path=path, size=SIZE) for i, mask in enumerate(shapes().values(), 1)
    ]
    report = export(matches, tmp_path / "yolo", "yolo", origin=ORIGIN)
    assert len(report.warnings) == 1
    assert "holes" in report.warnings[0]
    data = YOLOv8InstanceSegmentationInput(tmp_path / "yolo" / "data.yaml", "train")
    assert [category.name for category in data.get_categories()] == ["red car door"]
    ((label),) = data.get_labels()
    assert (label.image.height, label.image.width) == SIZE
    for match, thing in zip(matches, label.objects, strict=True):
        (points,) = thing.segmentation.polygons
        mask = polygon2mask(SIZE, np.array(points)[:, ::-1] - 0.5)
        assert overlap(mask, match.mask()) >= 0.99


def test_yolo_keeps_the_labels_of_a_photo_that_is_gone(
    made_match: Callable[..., Match], tmp_path: Path
) -> None:
    report = export([made_match(shapes()["corner"])], tmp_path, "yolo", origin=ORIGIN)
    assert report.skipped == ()
    assert any("put them there" in warning for warning in report.warnings)
    assert [p.name for p in (tmp_path / "labels").iterdir()] == ["photo-1.txt"]
    assert list((tmp_path / "images").iterdir()) == []


@pytest.mark.parametrize("raw_frame", [False, True])
def test_yolo_copies_photos_as_the_labels_see_them(
    raw_frame: bool, made_match: Callable[..., Match], tmp_path: Path
) -> None:
    """A turned photo is copied without its EXIF; what is upright keeps its bytes."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20] = 250, 10, 10
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, told in (("turned.jpg", exif), ("upright.jpg", Image.Exif())):
        Image.fromarray(pixels).save(tmp_path / name, exif=told, quality=95)
    matches = [
        made_match(np.ones((30, 20), np.bool_), 1, path=tmp_path / "turned.jpg", size=(60, 40),
                   orientation=6),
        made_match(np.ones((20, 30), np.bool_), 2, photo_id=2, path=tmp_path / "upright.jpg",
                   size=(40, 60)),
    ]  # fmt: skip
    layout = Layout(raw_frame=raw_frame)
    export(matches, tmp_path / "out", "yolo", origin=ORIGIN, layout=layout)
    upright = (tmp_path / "out" / "images" / "upright-2.jpg").read_bytes()
    assert upright == (tmp_path / "upright.jpg").read_bytes()
    with Image.open(tmp_path / "out" / "images" / "turned-1.jpg") as copy:
        assert copy.getexif().get(0x0112, 1) == 1
        copied = np.asarray(copy).astype(int)
    with Image.open(tmp_path / "turned.jpg") as file:
        seen = file if raw_frame else ImageOps.exif_transpose(file)
        assert np.abs(copied - np.asarray(seen.convert("RGB")).astype(int)).mean() < 3


def test_a_photo_is_in_one_split_of_yolo_and_both_are_there(
    made_match: Callable[..., Match], tmp_path: Path
) -> None:
    matches = []
    for number in range(30):
        match = made_match(shapes()["corner"], number + 1, photo_id=number + 1)
        digest = hashlib.blake2b(str(number).encode(), digest_size=32).digest()
        matches.append(replace(match, photo=replace(match.photo, content_hash=digest)))
    splits = {}
    for share in (0.2, 0.5):
        folder = tmp_path / str(share)
        export(matches, folder, "yolo", origin=ORIGIN, layout=Layout(val=share))
        config = yaml.safe_load((folder / "data.yaml").read_text())
        assert (config["train"], config["val"]) == ("images/train", "images/val")
        train, val = ({p.name for p in (folder / "labels" / s).iterdir()} for s in ("train", "val"))
        assert len(train) + len(val) == 30
        assert not train & val
        assert (folder / "images" / "train").is_dir()
        assert (folder / "images" / "val").is_dir()
        splits[share] = val
    assert splits[0.2] < splits[0.5]


def test_labels_are_the_classes_of_every_format(
    made_match: Callable[..., Match], tmp_path: Path
) -> None:
    matches = [
        replace(made_match(shapes()[shape], number, rank=number), label=label)
        for number, (shape, label) in enumerate([("corner", "CON"), ("parts", "a/b")], start=1)
    ]
    labels = {"wheel": ("wheel",), "a/b": ("door", "gate"), "CON": ("con",)}
    origin = ExportOrigin("i", "nano", "f", labels=labels)
    for format in READERS:
        export(matches, tmp_path / format, format, origin=origin)
    coco = json.loads((tmp_path / "coco/annotations.json").read_text())
    names = {category["id"]: category["name"] for category in coco["categories"]}
    assert list(names.values()) == list(labels)
    assert [names[a["category_id"]] for a in coco["annotations"]] == ["CON", "a/b"]
    config = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text("utf-8"))
    assert config["names"] == dict(enumerate(labels))
    (text,) = (tmp_path / "yolo/labels").iterdir()
    assert [line.split()[0] for line in text.read_text().splitlines()] == ["2", "1"]
    tree = ElementTree.parse(tmp_path / "cvat/annotations.xml").getroot()
    assert [e.text for e in tree.iterfind("meta/task/labels/label/name")] == list(labels)
    assert [mask.get("label") for mask in tree.iter("mask")] == ["CON", "a/b"]
    (document,) = (tmp_path / "labelme").glob("photo.json")
    shapes_ = json.loads(document.read_text())["shapes"]
    assert [shape["label"] for shape in shapes_] == ["CON", "a/b"]
    masks = tmp_path / "masks"
    files = {str(path.relative_to(masks)) for path in masks.rglob("*.png")}
    assert files == {"CON_/0001-photo-1.png", "a_b/0002-photo-2.png"}
    manifest = json.loads((masks / "manifest.json").read_text())
    assert manifest["labels"] == {name: list(words) for name, words in labels.items()}
    assert [entry["segments"][0]["label"] for entry in manifest["files"]] == ["CON", "a/b"]


@given(st.text(max_size=40))
def test_a_label_is_a_folder_on_every_system(label: str) -> None:
    name = folder_name(label)
    assert name
    assert len(name.encode()) <= 101
    assert not set(name) & set('<>:"/\\|?*\0')
    assert name not in (".", "..")
    assert name.upper() not in ("CON", "NUL", "COM1")


def test_a_margin_shows_what_is_around(made_match: Callable[..., Match], tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", SIZE[::-1], (9, 90, 9)).save(path)
    mask = np.zeros(FRAME, np.bool_)
    mask[20:30, 20:40] = True
    mask[0:3, 0:3] = False
    match = made_match(mask, path=path, size=SIZE)
    x, y, width, height = match.box
    export([match], tmp_path / "out", "cutouts", origin=ORIGIN, layout=Layout(margin=0.5))
    with Image.open(tmp_path / "out" / "0001-photo-1.png") as cutout:
        assert cutout.size == (width + 2 * round(width / 2), height + 2 * round(width / 2))
        alpha = np.asarray(cutout)[..., 3] == 255
        around = np.asarray(cutout)[~alpha]
    more = round(width / 2)
    assert np.array_equal(alpha[more : more + height, more : more + width],
                          match.mask()[y : y + height, x : x + width])  # fmt: skip
    assert (around[:, 1] > 60).all()
    with pytest.raises(ExportError, match="margin of -1"):
        Layout(margin=-1)


def test_coco_says_what_is_known(made_match: Callable[..., Match], tmp_path: Path) -> None:
    chosen = made_match(shapes()["parts"], 7, score=None, confidence=None)
    asked = made_match(shapes()["holes"], 8, score=0.25, confidence=0.5)
    export([chosen, asked], tmp_path, "coco", origin=ORIGIN)
    document = json.loads((tmp_path / "annotations.json").read_text())
    assert document["images"] == [{"id": 1, "file_name": "photo.jpg", "width": 60, "height": 45}]
    assert [category["name"] for category in document["categories"]] == ["red car door"]
    first, second = document["annotations"]
    assert "score" not in first
    assert (second["score"], second["confidence"], second["quality"]) == (0.25, 0.5, 0.75)
    assert isinstance(first["segmentation"]["counts"], str)
    assert first["id"] != second["id"]


@pytest.mark.parametrize("format", READERS)
def test_nothing_found_is_exported_as_nothing(format: str, tmp_path: Path) -> None:
    report = export([], tmp_path, format, origin=ORIGIN)
    assert (report.photos, report.segments) == (0, 0)
    assert READERS[format](tmp_path, {}) == {}


def test_any_words_make_a_category(made_match: Callable[..., Match], tmp_path: Path) -> None:
    words = 'a "b" <c> & \n: ü 🐈 \x07 {d} \udcff # e'
    origin = ExportOrigin("i", "nano", "f", Query(words=words))
    matches = [made_match(shapes()["corner"], path="/x/a\nb&\udcff\x01<.jpg")]
    for format in READERS:
        export(matches, tmp_path / format, format, origin=origin)
    yaml_named = words.replace("\udcff", "\ufffd")  # no YAML holds half a character
    named = words.replace("\udcff", "\\udcff").replace("\x07", "\\x07")  # no XML holds those
    assert yaml.safe_load((tmp_path / "yolo/data.yaml").read_text("utf-8"))["names"] == {
        0: yaml_named
    }
    tree = ElementTree.parse(tmp_path / "cvat/annotations.xml").getroot()
    assert tree.findtext("meta/task/labels/label/name") == named
    assert tree.find("image").get("name") == "a\nb&\\udcff\\x01<.jpg"
    assert tree.find("image/mask").get("label") == named
    coco = json.loads((tmp_path / "coco/annotations.json").read_text())
    assert coco["categories"][0]["name"] == words
    assert coco["images"][0]["file_name"] == "a\nb&\udcff\x01<.jpg"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_yaml_and_xml_hold_any_text_as_it_is(text: str) -> None:
    assert yaml.safe_load(f"name: {quoted(text)}\n") == {"name": text}
    element = ElementTree.fromstring(f"<a b={quoteattr(sayable(text))}/>")
    assert element.get("b") == sayable(text)
    if all(c in "\t\n\r" or " " <= c < "\ufffe" or c > "\uffff" for c in text):
        assert element.get("b") == text


@pytest.mark.parametrize("shape", shapes())
def test_polygons_of_coco_are_read_by_pycocotools(
    shape: Any, made_match: Callable[..., Match], tmp_path: Path
) -> None:
    match = made_match(shapes()[shape], size=SIZE)
    report = export([match], tmp_path, "coco", origin=ORIGIN, layout=Layout(polygons=True))
    assert any("`polygons=True`" in line for line in report.warnings)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(tmp_path / "annotations.json")
    (annotation,) = coco.loadAnns(coco.getAnnIds())
    assert all(isinstance(ring, list) and len(ring) >= 6 for ring in annotation["segmentation"])
    whole = match.mask()
    drawn = coco.annToMask(annotation).astype(np.bool_)
    # pycocotools fills to the nearest fifth of a pixel: as many pixels as the outline is long
    rim = whole ^ erosion(np.pad(whole, 1), np.ones((3, 3)))[1:-1, 1:-1]
    assert (whole ^ drawn).sum() <= 0.6 * max(rim.sum(), 2), shape
