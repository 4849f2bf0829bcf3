import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet
from scipy.io import savemat

from model.datasets.coco import coco_pairs, plain_name
from model.datasets.pairs import TrainingPair
from model.datasets.parquet import parquet_pairs
from model.datasets.part_names import part_texts
from model.datasets.refcoco import plain_pickle, refcoco_pairs
from model.datasets.regions import rectangle, region_counts, whole_photo
from model.datasets.skipped_rows import SkippedRows
from model.datasets.source import PairSource, all_pairs
from model.datasets.visual_genome import visual_genome_pairs
from model.errors import DataMissing, ExtraMissing
from model.masks import rle

SIZE = (30, 40)
SQUARE = np.zeros((1, *SIZE), np.bool_)
SQUARE[0, 5:15, 10:20] = True
COUNTS = rle.encode(SQUARE)[0]
RUNS = [10 * 30 + 5, *[10, 20] * 9, 10, 30 * 40 - 19 * 30 - 15]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("1.jpg", "train2017/2.jpg", "VG_100K_2/3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    return tmp_path


def written(folder: Path, document: Any, name: str = "data.json") -> Path:
    (folder / name).write_text(json.dumps(document))
    return folder / name


def mask_of(pair: TrainingPair) -> np.ndarray[Any, Any]:
    return rle.decode((pair.counts,), pair.size)[0]


COCO = {
    "images": [
        {"id": 1, "file_name": "1.jpg", "height": 30, "width": 40},
        {"id": 2, "coco_url": "http://x/train2017/2.jpg", "height": 30, "width": 40},
        {"id": 3, "file_name": "gone.jpg", "height": 30, "width": 40},
        {"id": 4, "file_name": "../../secret.jpg", "height": 30, "width": 40},
        {"id": 5, "file_name": "1.jpg", "height": "tall", "width": 40},
    ],
    "categories": [
        {"id": 7, "name": "baseball_bat", "synonyms": ["baseball_bat", "bat_(sports)"]},
        {"id": 8, "name": "grass", "isthing": 0},
        {"id": 9, "name": " "},
    ],
}


def coco(folder: Path, *annotations: Any) -> tuple[list[TrainingPair], SkippedRows]:
    skipped = SkippedRows()
    numbered = [{"id": n, **a} if isinstance(a, dict) else a for n, a in enumerate(annotations)]
    file = written(folder, {**COCO, "annotations": numbered})
    return list(coco_pairs(file, folder, skipped)), skipped


def test_coco_polygons_and_run_lengths_are_one_mask(photos: Path) -> None:
    whole = {"image_id": 1, "category_id": 7}
    read, skipped = coco(
        photos,
        {**whole, "segmentation": [[10, 5, 20, 5, 20, 15, 10, 15]]},
        {**whole, "segmentation": {"size": list(SIZE), "counts": RUNS}},
        {**whole, "segmentation": {"size": list(SIZE), "counts": COUNTS.decode()}},
        {**whole, "segmentation": {"size": list(SIZE), "counts": RUNS}, "iscrowd": 1},
        {**whole, "category_id": 8, "image_id": 2, "segmentation": {"counts": COUNTS.decode()}},
        {**whole, "segmentation": [], "bbox": [10, 5, 10, 10]},
        {**whole, "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4], [1e9, 30, 36, 30, 36, 1e9]]},
    )
    assert len(skipped) == 2, skipped.lines()  # of the file's image and category
    for pair in read[:6]:
        np.testing.assert_array_equal(mask_of(pair), SQUARE[0])
    kinds = ["object", "object", "object", "crowd", "stuff", "box"]
    assert [pair.kind for pair in read[:6]] == kinds
    assert read[0].texts == ("baseball bat", "bat")
    assert read[0].sources == ("data",)
    assert read[4].photo == photos / "train2017" / "2.jpg"
    # the two polygons of the last lie apart; what leaves the photo is cut off
    assert mask_of(read[6])[:4, :4].all()
    assert 16 <= mask_of(read[6]).sum() < 40


def test_damaged_annotations_are_counted_not_crashed_over(photos: Path) -> None:
    whole = {"image_id": 1, "category_id": 7, "segmentation": [[10, 5, 20, 5, 20, 15]]}
    read, skipped = coco(
        photos,
        whole,
        {**whole, "image_id": 3},
        {**whole, "image_id": 4},
        {**whole, "image_id": 5},
        {**whole, "category_id": 9},
        {**whole, "segmentation": [[1, 2, 3]]},
        {**whole, "segmentation": [[1, 2, float("nan"), 4, 5, 6]]},
        {**whole, "segmentation": {"size": [30, 41], "counts": RUNS}},
        {**whole, "segmentation": {"size": list(SIZE), "counts": [5, 5]}},
        {**whole, "segmentation": {"size": list(SIZE), "counts": COUNTS.decode()[:-2]}},
        {**whole, "segmentation": {"size": list(SIZE), "counts": "é"}},
        {**whole, "segmentation": {"size": list(SIZE), "counts": [30 * 40]}},
        {**whole, "segmentation": None, "bbox": [50, 50, 3, 3]},
        {**whole, "segmentation": None},
        {**whole, "image_id": [1]},
        "annotation", None,
    )  # fmt: skip
    assert len(read) == 1
    # and the image and the category that are no such things
    assert skipped.reasons == {
        "the annotation is damaged": 12,
        "the photo is not there": 2,
        "its image or category is not in the file": 2,
        "the image is not understood": 1,
        "the category is not understood": 1,
    }
    assert "12 rows skipped: the annotation is damaged (the first: annotation 5" in "\n".join(
        skipped.lines()
    )


@pytest.mark.parametrize("content", ["", "[]", "{", '{"annotations": 3}', "[" * 100_000])
def test_a_file_that_is_no_coco_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataMissing, match=r"x\.json"):
        list(coco_pairs(tmp_path / "x.json", tmp_path, SkippedRows()))
    with pytest.raises(DataMissing, match=r"y\.json"):
        list(coco_pairs(tmp_path / "y.json", tmp_path, SkippedRows()))


def test_names_are_read_as_they_are_typed() -> None:
    assert plain_name("bow_(decorative_ribbons)") == "bow"
    assert plain_name("Traffic  Light") == "traffic light"


def test_visual_genome_regions_are_boxes(photos: Path) -> None:
    region = {"x": 10, "y": 5, "width": 10, "height": 10, "phrase": "A photo of the  red car ."}
    file = written(
        photos,
        [
            {"id": 3, "regions": [region, {**region, "phrase": ""}, {**region, "x": 99}, {}]},
            {"regions": [{**region, "image_id": 1}]},
            {"id": 9, "regions": [region]},
            {"regions": []},
            7,
        ],
    )
    skipped = SkippedRows()
    read = list(visual_genome_pairs(file, photos, skipped))
    assert [(p.texts, p.kind) for p in read] == [(("red car",), "box")] * 2
    assert [p.photo.name for p in read] == ["3.jpg", "1.jpg"]
    np.testing.assert_array_equal(mask_of(read[0]), SQUARE[0])
    assert sorted(skipped.reasons.values()) == [3, 3]


LVIS = {
    "images": [
        {
            "id": 2, "coco_url": "http://images.cocodataset.org/train2017/2.jpg", "height": 30,
            "width": 40, "neg_category_ids": [3], "not_exhaustive_category_ids": [],
        },
    ],
    "categories": [
        {
            "id": 1, "name": "car_(automobile)", "synset": "car.n.01", "frequency": "f",
            "synonyms": ["car_(automobile)", "auto_(automobile)", "automobile"],
        },
    ],
    "annotations": [
        {
            "id": 1, "image_id": 2, "category_id": 1, "area": 100.0, "bbox": [10, 5, 10, 10],
            "segmentation": [[10, 5, 20, 5, 20, 15, 10, 15]],
        },
    ],
}  # fmt: skip
PACO = {
    "images": [{"id": 2, "file_name": "train2017/2.jpg", "height": 30, "width": 40}],
    "attributes": [{"id": 9, "name": "red", "type": "color"}],
    "categories": [
        {"id": 1, "name": "car_(automobile)", "supercategory": "OBJECT"},
        {"id": 2, "name": "car_(automobile):inner_body", "supercategory": "PART"},
        {"id": 3, "name": "car_(automobile): ", "supercategory": "PART"},
        {"id": 4, "name": ":", "supercategory": "PART"},
    ],
    "annotations": [
        {
            "id": 7, "image_id": 2, "category_id": 1, "obj_ann_id": 7, "attribute_ids": [9],
            "bbox": [10, 5, 10, 10], "area": 100, "iscrowd": 0, "segmentation": [],
        },
        {
            "id": 8, "image_id": 2, "category_id": 2, "obj_ann_id": 7, "attribute_ids": [],
            "bbox": [10, 5, 10, 10], "area": 100, "iscrowd": 0,
            "segmentation": {"size": list(SIZE), "counts": COUNTS.decode()},
        },
    ],
}  # fmt: skip


def test_lvis_is_read_with_its_synonyms(photos: Path) -> None:
    skipped = SkippedRows()
    (pair,) = coco_pairs(written(photos, LVIS, "lvis_v1_train.json"), photos, skipped)
    assert pair.texts == ("car", "auto", "automobile")
    assert (pair.kind, pair.sources) == ("object", ("lvis_v1_train",))
    assert pair.photo == photos / "train2017" / "2.jpg"
    np.testing.assert_array_equal(mask_of(pair), SQUARE[0])
    assert not len(skipped)


def test_pacos_categories_with_a_colon_are_parts(photos: Path) -> None:
    skipped = SkippedRows()
    car, body = coco_pairs(written(photos, PACO, "paco_lvis_v1_train.json"), photos, skipped)
    assert (car.texts, car.kind) == (("car",), "box")
    assert (body.texts, body.kind) == (("car inner body", "inner body"), "part")
    np.testing.assert_array_equal(mask_of(body), SQUARE[0])
    assert skipped.reasons == {"the category is not understood": 1}  # that of no name at all


def pascal(folder: Path, name: str, objects: Any) -> Path:
    file = folder / "Annotations_Part" / f"{name}.mat"
    file.parent.mkdir(exist_ok=True)
    savemat(file, {"anno": {"imname": name, "objects": objects}})
    return file


def structs(*records: dict[str, Any]) -> Any:
    """Records as a MATLAB struct array."""
    made = np.zeros((1, len(records)), [(name, object) for name in records[0]])
    for number, record in enumerate(records):
        made[0, number] = tuple(record.values())
    return made


def test_pascal_part_is_objects_and_their_parts(photos: Path) -> None:
    square, nothing = SQUARE[0].astype(np.uint8), np.zeros(SIZE, np.uint8)
    paw = {"part_name": "lfpa", "mask": square}
    parts = structs(
        paw,
        {"part_name": "tail", "mask": square},
        {"part_name": "lfpa", "mask": nothing},
        {"part_name": "wart", "mask": square},
        {"part_name": "neck", "mask": square[1:]},
    )
    cat = {"class": "cat", "class_ind": 8, "mask": square, "parts": parts}
    table = {"class": "diningtable", "class_ind": 11, "mask": square, "parts": np.zeros((0, 0))}
    pascal(photos, "1", structs(cat, table))
    (photos / "2.jpg").write_bytes((photos / "1.jpg").read_bytes())
    pascal(photos, "2", structs({**cat, "parts": structs(paw)}))  # one struct, no array
    pascal(photos, "gone", structs(table))
    (photos / "3.jpg").write_bytes((photos / "1.jpg").read_bytes())
    whole = pascal(photos, "3", structs(cat)).read_bytes()
    (photos / "Annotations_Part" / "3.mat").write_bytes(whole[: len(whole) // 2])
    skipped = SkippedRows()
    source = PairSource("pascal-part", "Annotations_Part", ".")
    read = list(source.pairs(photos, skipped))
    assert [(pair.photo.name, pair.texts, pair.kind) for pair in read] == [
        ("1.jpg", ("cat",), "object"),
        ("1.jpg", ("left front paw", "cat paw", "paw"), "part"),
        ("1.jpg", ("cat tail", "tail"), "part"),
        ("1.jpg", ("dining table",), "object"),
        ("2.jpg", ("cat",), "object"),
        ("2.jpg", ("left front paw", "cat paw", "paw"), "part"),
    ]
    for pair in read:
        np.testing.assert_array_equal(mask_of(pair), SQUARE[0])
    assert skipped.reasons == {
        "the mask is damaged": 2,
        "the part's name is not known": 1,
        "the photo is not there, or not understood": 1,
        "the file is damaged": 1,
    }
    with pytest.raises(DataMissing, match=r"no \.mat file"):
        list(PairSource("pascal-part", "VG_100K_2", ".").pairs(photos, SkippedRows()))


@pytest.mark.parametrize(
    ("whole", "name", "texts"),
    [
        ("cow", "rblleg", ("right back lower leg", "cow leg", "leg")),
        ("bird", "lleg", ("left leg", "bird leg", "leg")),
        ("person", "rear", ("right ear", "person ear", "ear")),
        ("person", "llleg", ("left lower leg", "person leg", "leg")),
        ("person", "lfoot", ("left foot", "person foot", "foot")),
        ("person", "rebrow", ("right eyebrow", "person eyebrow", "eyebrow")),
        ("horse", "lfho", ("left front hoof", "horse hoof", "hoof")),
        ("bus", "bliplate", ("back license plate", "bus license plate", "license plate")),
        ("bus", "wheel_10", ("bus wheel", "wheel")),
        ("bus", "roofside", ("roof of the bus",)),
        ("train", "cleftside_3", ("left side of the train coach",)),
        ("train", "hfrontside", ("front of the train",)),
    ],
)
def test_parts_are_called_as_they_are_typed(whole: str, name: str, texts: tuple[str, ...]) -> None:
    assert part_texts(whole, name) == texts


@pytest.mark.parametrize("name", ["", "leftmirror_", "lfwheel", "coutside", "_1"])
def test_unknown_parts_have_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="no part is called"):
        part_texts("car", name)


REFS = [
    {
        "ann_id": 1,
        "image_id": 1,
        "split": "train",
        "sentences": [{"sent": "left bat"}, {"sent": "bat  by the tree"}, {"sent": "left bat"}],
    },
    {"ann_id": 1, "image_id": 1, "split": "testA", "sentences": [{"sent": "bat"}]},
    {"ann_id": 9, "image_id": 1, "split": "train", "sentences": [{"sent": "bat"}]},
    {"ann_id": 1, "image_id": 1, "split": "train", "sentences": []},
    {},
]


@pytest.mark.parametrize("form", ["json", "pickle 0", "pickle 2", "pickle 5"])
def test_refcoco_is_read_from_pickles_and_json(form: str, photos: Path) -> None:
    annotation = {"id": 1, "image_id": 1, "category_id": 7, "segmentation": {"counts": RUNS}}
    instances = written(photos, {**COCO, "annotations": [annotation, {}]})
    if form == "json":
        refs = written(photos, REFS, "refs.json")
    else:
        refs = photos / "refs(unc).p"
        refs.write_bytes(pickle.dumps(REFS, protocol=int(form[-1])))
    skipped = SkippedRows()
    (pair,) = refcoco_pairs(refs, instances, photos, "train", skipped)
    assert pair.texts == ("left bat", "bat by the tree")
    assert pair.kind == "object"
    np.testing.assert_array_equal(mask_of(pair), SQUARE[0])
    assert len(skipped) == 1 + 3  # an image; a reference without annotation, sentences, anything
    everything = list(refcoco_pairs(refs, instances, photos, "", SkippedRows()))
    assert len(everything) == 2


class Poison:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, ("poisoned",)


@pytest.mark.parametrize(
    "poison",
    [
        *(pickle.dumps([{"sentences": Poison()}], protocol=n) for n in range(6)),
        b"cos\nsystem\n(S'mkdir poisoned'\ntR.",
        b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
        b"(i__builtin__\neval\n.",
        b"\x80\x02]\x82\x01.",
        b"Pid\n.",
        pickle.dumps(np.zeros(2)),
        pickle.dumps(REFS)[:-9],
        b"",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
    ],
)
def test_a_poisoned_pickle_runs_nothing(
    poison: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "refs.p").write_bytes(poison)
    with pytest.raises(DataMissing, match=r"no pickle of plain values"):
        plain_pickle(tmp_path / "refs.p")
    assert not (tmp_path / "poisoned").exists()


def test_pickles_of_python_2_are_read(tmp_path: Path) -> None:
    # protocol 2, with a text that was bytes then
    (tmp_path / "refs.p").write_bytes(b"\x80\x02]q\x00}q\x01U\x04sentU\x03batsa.")
    assert plain_pickle(tmp_path / "refs.p") == [{"sent": "bat"}]


def row(**changes: Any) -> dict[str, Any]:
    return {
        "photo": "1.jpg", "width": 40, "height": 30, "counts": COUNTS.decode(),
        "bbox": [10.0, 5.0, 10.0, 10.0], "texts": ["bat", "wooden bat"], "kind": "object",
        "sources": ["captions"], "score": 0.5, **changes,
    }  # fmt: skip


def shard(file: Path, rows: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), file, row_group_size=2)


def test_parquet_shards_are_streamed_and_bad_rows_counted(photos: Path) -> None:
    shards = photos / "shards"
    shard(
        shards / "a.parquet",
        [
            row(), row(texts=[" "]), row(texts=None), row(photo="gone.jpg"), row(photo="/etc/x"),
            row(counts="??"), row(counts=None), row(counts=None, bbox=None), row(score=7.0),
            row(width=41), row(width=-1), row(score=None, sources=None), row(photo=None),
        ],
    )  # fmt: skip
    shard(shards / "b" / "b.parquet", [{k: v for k, v in row().items() if k != "kind"}])
    plain = {k: v for k, v in row().items() if k not in ("bbox", "sources", "score")}
    shard(shards / "c.parquet", [plain | {"counts": COUNTS}])
    whole = (shards / "c.parquet").read_bytes()
    (shards / "d.parquet").write_bytes(whole[: len(whole) // 2])
    skipped = SkippedRows()
    read = list(parquet_pairs(shards, photos, skipped))
    assert [pair.kind for pair in read] == ["object", "box", "object", "object"]
    assert (read[0].texts, read[0].sources, read[0].score) == (
        ("bat", "wooden bat"), ("captions",), 0.5,
    )  # fmt: skip
    assert (read[2].sources, read[2].score) == ((), 1.0)
    for pair in read:
        np.testing.assert_array_equal(mask_of(pair), SQUARE[0])
    assert skipped.reasons == {
        "the row is damaged": 8,
        "the photo is not there": 2,
        "a shard without the column 'kind'": 1,
        "the shard is damaged": 1,
    }
    assert len(list(parquet_pairs(shards / "c.parquet", photos, SkippedRows()))) == 1


def test_parquet_without_shards_or_pyarrow_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataMissing, match=r"no \.parquet file"):
        list(parquet_pairs(tmp_path, tmp_path, SkippedRows()))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraMissing, match=r"segsearch\[train\]"):
        list(parquet_pairs(tmp_path, tmp_path, SkippedRows()))


def test_a_source_is_filtered_and_must_hold_something(photos: Path) -> None:
    shard(photos / "a.parquet", [row(), row(kind="part", score=0.9), row(kind="stuff")])
    source = PairSource("parquet", "a.parquet", ".", kinds=("object", "part"), least_score=0.6)
    (pair,) = all_pairs((source,), photos, SkippedRows())
    assert pair.kind == "part"
    nothing = PairSource("parquet", "a.parquet", "train2017")
    with pytest.raises(DataMissing, match="3 rows skipped: the photo is not there"):
        list(all_pairs((source, nothing), photos, SkippedRows()))
    with pytest.raises(DataMissing, match="it is empty"):
        list(all_pairs((PairSource("corpus"),), photos, SkippedRows()))


boxes = st.tuples(*[st.floats(-20, 60)] * 2, *[st.floats(-5, 60)] * 2)


@given(boxes)
@settings(max_examples=100)
def test_a_rectangle_is_what_is_painted(box: tuple[float, ...]) -> None:
    x, y, width, height = box
    painted = np.zeros((1, *SIZE), np.bool_)
    x0, y0 = max(int(x), 0), max(int(y), 0)
    x1, y1 = max(round(x + width), x0 + 1), max(round(y + height), y0 + 1)
    painted[0, y0:y1, x0:x1] = True
    try:
        counts = rectangle(box, SIZE)
    except ValueError:
        assert width <= 0 or height <= 0 or not painted.any()
        return
    np.testing.assert_array_equal(rle.decode((counts,), SIZE), painted)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@given(anything | st.builds(lambda c: {"counts": c}, anything | st.binary(max_size=20)))
@settings(max_examples=200)
def test_no_segmentation_does_worse_than_to_be_refused(segmentation: Any) -> None:
    try:
        counts = region_counts(segmentation, SIZE)
    except (ValueError, TypeError, OverflowError):
        return
    assert rle.decode((counts,), SIZE).any()


def test_everything_is_everything() -> None:
    assert rle.decode((whole_photo(SIZE),), SIZE).all()
    with pytest.raises(ValueError, match="no photo"):
        whole_photo((0, 4))
