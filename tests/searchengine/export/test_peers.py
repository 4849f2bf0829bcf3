"""Exports opened by the tools that they are for, where these are installed (extra `peers`).

    pip install -e ".[peers]"

They bring much with them, so that `make test` does without; each test that is skipped names what
it lacks. labelformat and pycocotools are always there: test_formats.py.
"""

from __future__ import annotations

import importlib
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image, ImageDraw

from searchengine import Options, SearchEngine

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs are not ours to mend


def peer(name: str) -> ModuleType:
    """The module of another tool; without it the test is skipped, which is told."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"not tried with {name.partition('.')[0]}, which is not installed ({error})")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos of one name in two folders, with a ring and a square."""
    folder = tmp_path_factory.mktemp("photos")
    for number, name in enumerate(("a.png", "2022/a.jpg")):
        picture = Image.new("RGB", (120, 90), "grey")
        draw = ImageDraw.Draw(picture)
        draw.ellipse((10, 10, 70, 70), fill="red")
        draw.ellipse((30, 30, 50, 50), fill="grey")
        draw.rectangle((90, 20 + 30 * number, 119, 60), fill="blue")
        (folder / name).parent.mkdir(exist_ok=True)
        picture.save(folder / name)
    return folder


@pytest.fixture(scope="module")
def exports(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An export in each format of annotation tools, and `polygons`: COCO with polygons."""
    folder = tmp_path_factory.mktemp("exports")
    with SearchEngine.open(folder / "index", preset="colours") as engine:
        engine.index(photos, options=Options(jobs=1))
        for format in ("coco", "yolo", "labelme", "cvat"):
            engine.export("red", folder / format, format)
        engine.export("red", folder / "polygons", "coco", polygons=True)
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize(("export", "kind"), [("coco", "mask"), ("polygons", "polygon")])
def test_datumaro_reads_coco(
    exports: dict[str, Path], export: str, kind: str, tmp_path: Path
) -> None:
    datumaro: Any = peer("datumaro")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images").mkdir()
    source = exports[export] / "annotations.json"
    shutil.copy(source, tmp_path / "annotations" / "instances_default.json")
    items = list(datumaro.Dataset.import_from(str(tmp_path), "coco_instances"))
    assert sorted(item.id for item in items) == ["2022/a", "a"]
    assert all(kind in {a.type.name for a in item.annotations} for item in items)


def test_datumaro_reads_cvat(exports: dict[str, Path], photos: Path, tmp_path: Path) -> None:
    datumaro: Any = peer("datumaro")
    shutil.copytree(photos, tmp_path / "images")
    shutil.copy(exports["cvat"] / "annotations.xml", tmp_path)
    items = list(datumaro.Dataset.import_from(str(tmp_path), "cvat"))
    assert sorted(item.id for item in items) == ["2022/a", "a"]
    masks = [a for item in items for a in item.annotations if a.type.name == "mask"]
    assert masks
    assert {a.image.shape for a in masks} == {(90, 120)}


@pytest.mark.parametrize("export", ["coco", "polygons"])
def test_supervision_reads_coco(exports: dict[str, Path], photos: Path, export: str) -> None:
    supervision: Any = peer("supervision")
    found = supervision.DetectionDataset.from_coco(
        str(photos), str(exports[export] / "annotations.json"), force_masks=True
    )
    read = {str(Path(path).relative_to(photos)): marks for path, _, marks in found}
    assert sorted(read) == ["2022/a.jpg", "a.png"]
    assert all(len(marks) and marks.mask.any(axis=(1, 2)).all() for marks in read.values())


def test_supervision_reads_yolo(exports: dict[str, Path]) -> None:
    supervision: Any = peer("supervision")
    yolo = exports["yolo"]
    found = supervision.DetectionDataset.from_yolo(
        str(yolo / "images"), str(yolo / "labels"), str(yolo / "data.yaml"), force_masks=True
    )
    assert found.classes == ["red"]
    assert [bool(len(marks)) for _, _, marks in found] == [True, True]


def test_ultralytics_reads_yolo(exports: dict[str, Path]) -> None:
    data: Any = peer("ultralytics.data")
    checked = peer("ultralytics.data.utils").check_det_dataset(
        str(exports["yolo"] / "data.yaml"), autodownload=False
    )
    read = data.YOLODataset(img_path=checked["train"], data=checked, task="segment", augment=False)
    assert [bool(label["segments"]) for label in read.labels] == [True, True]
    assert Path(checked["val"]).is_dir()


def test_labelme_finds_the_photo_of_each_file(exports: dict[str, Path], photos: Path) -> None:
    try:
        reader: Any = importlib.import_module("labelme._label_file")
    except ImportError:
        reader = peer("labelme.label_file")
    for name, photo in (("a.json", "a.png"), ("2022/a.json", "2022/a.jpg")):
        file = exports["labelme"] / name
        read = reader.LabelFile(str(file))
        assert (file.parent / read.imagePath).resolve() == photos / photo
        assert {shape["shape_type"] for shape in read.shapes} == {"mask"}


def test_supervision_is_given_detections(photos: Path, tmp_path: Path) -> None:
    supervision: Any = peer("supervision")
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(photos, options=Options(jobs=1))
        found = engine.search("red").to_supervision()
    assert sorted(found) == sorted(map(str, photos.rglob("a.*")))
    for of_photo in found.values():
        assert isinstance(of_photo, supervision.Detections)
        assert of_photo.mask.shape[1:] == (90, 120)
        assert (of_photo.area > 0).all()
