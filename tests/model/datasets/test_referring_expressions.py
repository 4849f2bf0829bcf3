import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.datasets.ground_truth import Region, TruePhoto
from model.datasets.referring_expressions import expression_lines, refcoco_set
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataError, DataMissing
from model.masks import rle

SIZE = (30, 40)


def polygon(x: int, y: int) -> list[list[float]]:
    return [[x, y, x + 8, y, x + 8, y + 8, x, y + 8]]


def miniature(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Two photos as RefCOCO has them: one reference of two sentences, two of one."""
    images = [
        {"id": number, "file_name": f"COCO_{number}.jpg", "height": 30, "width": 40}
        for number in (1, 2)
    ]
    places = [(10, 1, 2, 2), (11, 1, 20, 2), (12, 2, 5, 5)]
    annotations = [
        {"id": i, "image_id": image, "category_id": 1, "segmentation": polygon(x, y)}
        for i, image, x, y in places
    ]
    for image in images:
        Image.new("RGB", (40, 30)).save(folder / str(image["file_name"]))
    refs = [
        reference(11, 1, "val", ("right  bat", "Right bat!"), ("tree bat", "tree bat")),
        reference(12, 2, "val", ("the ball", "The ball.")),
        reference(10, 1, "train", ("left bat", "left bat")),
        reference(99, 1, "val", ("a ghost", "a ghost")),
        {"split": "val", "image_id": 1},
    ]  # fmt: skip
    return refs, {"images": images, "annotations": annotations, "categories": []}


def reference(
    annotation: int, image: int, split: str, *sentences: tuple[str, str]
) -> dict[str, Any]:
    return {
        "ann_id": annotation, "image_id": image, "split": split,
        "sentences": [{"sent": sent, "raw": raw} for sent, raw in sentences],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["refs(unc).p", "refs(google).p", "refs(umd).p", "refs.json"])
def test_refcoco_is_a_case_a_sentence(tmp_path: Path, name: str) -> None:
    refs, instances = miniature(tmp_path)
    (tmp_path / "instances.json").write_text(json.dumps(instances))
    encoded = json.dumps(refs).encode() if name.endswith("json") else pickle.dumps(refs, 2)
    (tmp_path / name).write_bytes(encoded)
    skipped = SkippedRows()
    found = refcoco_set(tmp_path / name, tmp_path / "instances.json", tmp_path, "val", skipped)
    # a naive reading
    expected = [
        (r["image_id"], r["ann_id"], " ".join(s["sent"].split()), s["raw"])
        for r in refs[:2]
        for s in r["sentences"]
    ]
    ids = {
        image: [a["id"] for a in instances["annotations"] if a["image_id"] == image]
        for image in (1, 2)
    }
    told = [
        (int(photo.path.stem[-1]), ids[int(photo.path.stem[-1])][c.region], c.text, c.raw)
        for c in found.cases
        for photo in [found.photos[c.photo]]
    ]
    assert told == expected
    assert [len(photo.regions) for photo in found.photos] == [2, 1]
    region = found.photos[0].regions[1]
    (x0, y0, x1, y1) = rle.boxes([region.counts], SIZE)[0].tolist()
    assert (x0, y0, x1, y1) == (20, 2, 28, 10)
    assert len(skipped) == 2
    everything = refcoco_set(
        tmp_path / name, tmp_path / "instances.json", tmp_path, "", SkippedRows()
    )
    assert len(everything.cases) == 4


def test_nothing_to_ask_is_told(tmp_path: Path) -> None:
    refs, instances = miniature(tmp_path)
    (tmp_path / "refs.json").write_text(json.dumps(refs))
    (tmp_path / "instances.json").write_text(json.dumps(instances))
    files = tmp_path / "refs.json", tmp_path / "instances.json"
    with pytest.raises(DataMissing, match="no reference"):
        refcoco_set(*files, tmp_path, "testA", SkippedRows())
    (tmp_path / "refs.json").write_text("{}")
    with pytest.raises(DataMissing, match="do not fit"):
        refcoco_set(*files, tmp_path, "val", SkippedRows())


def photo() -> TruePhoto:
    mask = np.zeros((1, *SIZE), np.bool_)
    mask[0, :5, :5] = True
    region = Region(rle.encode(mask)[0], ("bat",), "object", None)
    return TruePhoto("zoo", Path("images/a.jpg"), SIZE, (region,), ())


def test_lines_name_a_region_or_draw_one(tmp_path: Path) -> None:
    lines = [
        {"photo": "zoo/a.jpg", "expression": "the bat", "region": 0, "kind": "place"},
        {"photo": "zoo/gone.jpg", "expression": "nothing", "region": 0},
        {"photo": "zoo/a.jpg", "expression": "the ball", "segmentation": polygon(20, 2)},
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join([*map(json.dumps, lines), ""]))
    found = expression_lines(file, [photo()])
    assert [(c.text, c.region, c.kind, c.style) for c in found.cases] == [
        ("the bat", 0, "place", "mine"),
        ("the ball", 1, "", "mine"),
    ]
    assert len(found.photos[0].regions) == 2


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"photo": "zoo/a.jpg", "expression": "a bat", "region": 7}', "line 1 of"),
        ('{"photo": "zoo/a.jpg", "expression": "a bat"}', "line 1 of"),
        ("bats", "line 1 of"),
        ('{"photo": "zoo/b.jpg", "expression": "a bat", "region": 0}', "no line of"),
    ],
)
def test_lines_that_are_not_understood_are_told(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "mine.jsonl").write_text(line)
    with pytest.raises(DataError, match=told):
        expression_lines(tmp_path / "mine.jsonl", [photo()])
    with pytest.raises(DataError, match="cannot be read"):
        expression_lines(tmp_path / "none.jsonl", [photo()])
