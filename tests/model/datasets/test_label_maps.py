"""Every layout in miniature, as its data set is published."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.datasets.ground_truth import read_truth
from model.datasets.label_maps import (
    LAYOUTS,
    UNJUDGED,
    labelled_corpus,
    parsed_classes,
    read_layout,
)
from model.errors import DataError
from model.evaluation.looking import Looking
from model.evaluation.run import evaluate_labels
from model.evaluation.semantic.mean_iou import measure_labels
from model.presets.preset import load_preset

ROWS = 4  # of each band in a miniature label map


def lines(count: int, spelled: str = "class {0}") -> str:
    return "".join(spelled.format(number + 1) + "\n" for number in range(count))


def info(count: int) -> str:
    """As objectInfo150.txt."""
    head = "Idx\tRatio\tTrain\tVal\tStuff\tName\n"
    return head + lines(count, "{0}\t0.1\t10\t1\t1\tclass {0}, kind {0}")


def categories(count: int) -> str:
    """As PartImageNet's val.json."""
    entries = [{"id": n, "name": f"class {n + 1}"} for n in reversed(range(count))]
    return json.dumps({"images": [], "categories": entries})


NAMES = {
    "ade20k-150": ("objectInfo150.txt", info(150)),
    "ade20k-150-detectron2": ("objectInfo150.txt", info(150)),
    "ade20k-847": ("classes.txt", lines(847)),
    "pascal-context-59": ("pc59.json", json.dumps(lines(59).splitlines())),
    "pascal-context-459": ("trainval/labels.txt", "0: ignore\n" + lines(459, "{0}: class {0}")),
    "part-imagenet": ("val.json", categories(40)),
    "pascal-part-116": ("classes.txt", lines(116)),
}


def bands(values: list[int], dtype: str) -> NDArray[np.generic]:
    return np.repeat(np.array(values, dtype), ROWS)[:, None] * np.ones((1, 10), dtype)


def miniature(folder: Path, name: str, photos: int = 2) -> None:
    """Photos with a band of the first class, one of the last, and one that is not judged."""
    form = LAYOUTS[name]
    wide = form.suffix == ".tif"
    none = 0 if form.first else 65535 if wide else 40 if name == "part-imagenet" else 255
    (folder / form.photos).mkdir(parents=True)
    (folder / form.labels).mkdir(parents=True)
    for number in range(photos):
        values = [form.first, form.first + form.classes - 1, none]
        labels = bands(values, "uint16" if wide else "uint8")
        image = Image.fromarray(labels)
        if name in ("part-imagenet", "pascal-context-59"):  # these use palettes
            image = image.convert("P")
            image.putdata(labels.ravel().tolist())
        image.save(folder / form.labels / f"{number}{form.suffix}")
        Image.new("RGB", (10, 3 * ROWS)).save(folder / form.photos / f"{number}.jpg")
    Image.new("RGB", (4, 4)).save(folder / form.photos / "unlabelled.jpg")
    file, text = NAMES[name]
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(text)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_seen_and_read(tmp_path: Path, name: str) -> None:
    miniature(tmp_path, name)
    read = read_layout(tmp_path)
    assert read.name == name
    assert [photo.path.name for photo in read.photos] == ["0.jpg", "1.jpg"]
    classes = LAYOUTS[name].classes
    assert len(read.classes) == classes
    assert read.classes[0][0] == "class 1"
    assert read.classes[-1][0] == f"class {classes}"
    expected = bands([0, classes - 1, UNJUDGED], "int64")
    np.testing.assert_array_equal(read.photos[0].labels(), expected)
    assert len(read_layout(tmp_path, most=1).photos) == 1


def test_one_of_several_layouts_is_chosen(tmp_path: Path) -> None:
    miniature(tmp_path, "pascal-context-59")
    (tmp_path / LAYOUTS["pascal-context-459"].labels).mkdir(parents=True)
    form = LAYOUTS["pascal-context-459"]
    Image.fromarray(bands([3], "uint16")).save(tmp_path / form.labels / "0.tif")
    with pytest.raises(DataError, match=r"--layout pascal-context-59 or pascal-context-459"):
        read_layout(tmp_path)
    assert read_layout(tmp_path, "pascal-context-59").name == "pascal-context-59"
    (tmp_path / "mine.txt").write_text(lines(459, "class {0}; kind {0}, class {0}"))
    mine = read_layout(tmp_path, "pascal-context-459", tmp_path / "mine.txt")
    assert mine.classes[2] == ("class 3", "kind 3")


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no labelled photos"):
        read_layout(tmp_path)
    with pytest.raises(DataError, match="no layout 'cityscapes'"):
        read_layout(tmp_path, "cityscapes")
    miniature(tmp_path, "pascal-part-116")
    (tmp_path / "classes.txt").write_text(lines(3))
    with pytest.raises(DataError, match="names 3 classes, pascal-part-116 has 116"):
        read_layout(tmp_path)
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(DataError, match="--classes FILE"):
        read_layout(tmp_path)
    (tmp_path / "classes.txt").write_text(" , \n")
    with pytest.raises(DataError, match="names nothing"):
        read_layout(tmp_path)
    (tmp_path / "classes.json").write_text("{}")
    with pytest.raises(DataError, match="no list of classes"):
        read_layout(tmp_path, None, tmp_path / "classes.json")
    for photo in (tmp_path / "images" / "val").iterdir():
        photo.unlink()
    with pytest.raises(DataError, match="no photo"):
        read_layout(tmp_path)


def test_damaged_labels_are_told(tmp_path: Path) -> None:
    miniature(tmp_path, "pascal-part-116")
    photos = read_layout(tmp_path).photos
    labels = tmp_path / LAYOUTS["pascal-part-116"].labels
    (labels / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="cannot be read"):
        photos[0].labels()
    Image.new("RGB", (4, 4)).save(labels / "1.png")
    with pytest.raises(DataError, match="one a pixel"):
        photos[1].labels()


def test_numbers_and_synonyms_of_classes(tmp_path: Path) -> None:
    file = tmp_path / "classes.txt"
    file.write_text("0: background\n1: bed, cot\n2 : cabinet;cupboard;\n\n")
    assert parsed_classes(file) == (("bed", "cot"), ("cabinet", "cupboard"))


def test_regions_of_a_corpus_are_classes(squares_corpus: Path) -> None:
    labelled = labelled_corpus(read_truth(squares_corpus, "val"))
    assert labelled.classes == (("square", "box"), ("ground",))
    assert len(labelled.photos) == 6
    labels = labelled.photos[0].labels()
    assert (labels[10:40, 20:50] == 0).all()
    assert (labels == 1).sum() == 60 * 80 - 900
    with pytest.raises(DataError, match="no named regions"):
        labelled_corpus(read_truth(squares_corpus, "val", ["walls"]))


def test_pixels_are_named_by_the_fake_preset(tmp_path: Path) -> None:
    """Its vectors know colours: a data set whose classes are colours is named without error."""
    form = LAYOUTS["pascal-part-116"]
    miniature(tmp_path, "pascal-part-116", photos=1)
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[:, :40], pixels[:, 40:] = (225, 20, 20), (25, 50, 215)
    labels = np.zeros((60, 80), np.uint8)
    labels[:, 40:], labels[:5] = 1, 255
    Image.fromarray(pixels).save(tmp_path / form.photos / "0.png")
    (tmp_path / form.photos / "0.jpg").unlink()
    Image.fromarray(labels).save(tmp_path / form.labels / "0.png")
    (tmp_path / "classes.txt").write_text("red\nblue, navy\n" + lines(114, "word{0}"))
    preset, labelled = load_preset("colours"), read_layout(tmp_path)
    measured = evaluate_labels(preset, labelled, "val", Looking())
    (table,) = measured.tables
    assert table.columns == (
        "colours", "felzenszwalb", "true masks", "whole photos", "chance"
    )  # fmt: skip
    assert table.figure("mIoU, classes", "colours") == 1
    assert table.figure("mIoU, classes", "true masks") == 1
    assert table.figure("IoU blue, pixels", "colours") == 1
    assert table.figure("mIoU, classes", "whole photos") == 0.25
    assert table.figure("pixels named right, photos", "whole photos") == 0.5
    assert table.figure("pixels under a mask, photos", "colours") == 1
    # two classes are shown, each by half of the pixels; each is drawn for one of 116
    drawn = 1 / 116
    expected = 0.5 * drawn / (0.5 + drawn - 0.5 * drawn)
    assert table.figure("mIoU, classes", "chance") == pytest.approx(expected)
    flat = measure_labels(
        labelled, lambda: (preset.build().embedder, {}), preset.image_side, Looking(), scale=0
    )
    assert flat.figure("mIoU, classes", "true masks") == 0.25  # without scale all is class 0
