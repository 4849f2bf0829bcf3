import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.datasets.corpus import plain_words, read_corpus
from model.errors import DataError
from model.masks import rle


def write(folder: Path, records: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "annotations.jsonl").write_text(lines, encoding="utf-8")


def record(**changes: Any) -> dict[str, Any]:
    mask = np.zeros((1, 6, 8), np.bool_)
    mask[0, 1:3, 2:5] = True
    counts = rle.encode(mask)[0].decode()
    region = {
        "segmentation": {"size": [6, 8], "counts": counts},
        "bbox": [2, 1, 3, 2],
        "area": 6,
        "phrases": ["front left door", "car door"],
        "kind": "part",
    }
    plain = {"file": "a.jpg", "width": 8, "height": 6, "split": "val", "captions": []}
    return {**plain, "regions": [region], **changes}


def test_regions_and_captions_become_pairs(tmp_path: Path) -> None:
    write(tmp_path / "cars", [record(captions=["A photo of a red car.", "cars"])])
    (photo,) = read_corpus(tmp_path)
    assert (photo.source, photo.size, photo.split) == ("cars", (6, 8), "val")
    assert photo.path == tmp_path / "cars" / "images" / "a.jpg"
    whole, door = photo.pairs
    assert (whole.kind, whole.texts) == ("photo", ("red car", "cars"))
    assert rle.areas([whole.counts], (6, 8)).tolist() == [48]
    assert (door.kind, door.texts) == ("part", ("front left door", "car door"))
    assert rle.areas([door.counts], (6, 8)).tolist() == [6]


def test_a_box_stands_for_its_rectangle_and_the_nameless_is_left_out(tmp_path: Path) -> None:
    box = {"segmentation": None, "bbox": [5.2, 2, 9, 3], "phrases": ["sofa"], "kind": "box"}
    nameless = record()["regions"][0] | {"phrases": []}
    write(tmp_path / "rooms", [record(regions=[box, nameless])])
    (pair,) = read_corpus(tmp_path)[0].pairs
    assert pair.kind == "box"
    assert rle.boxes([pair.counts], (6, 8)).tolist() == [[5, 2, 8, 5]]


def test_the_same_tenth_of_the_train_photos_is_held_out_every_time(tmp_path: Path) -> None:
    write(
        tmp_path / "cars",
        [record(file=f"{n}.jpg", split="train" if n < 400 else "val") for n in range(450)],
    )
    first = [photo.split for photo in read_corpus(tmp_path)]
    assert first == [photo.split for photo in read_corpus(tmp_path)]
    assert 20 < first.count("holdout") < 60
    assert first.count("val") == 50
    assert "holdout" not in {photo.split for photo in read_corpus(tmp_path, holdout=0)}


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A photo of a dog.", "dog"),
        ("a picture of the sea", "sea"),
        ("two dogs run .", "two dogs run"),
        ("photographer at work", "photographer at work"),
    ],
)
def test_captions_are_read_as_they_would_be_typed(caption: str, words: str) -> None:
    assert plain_words(caption) == words


def test_a_folder_without_annotations_and_a_broken_line_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"annotations\.jsonl"):
        read_corpus(tmp_path)
    write(tmp_path / "cars", [record()])
    with (tmp_path / "cars" / "annotations.jsonl").open("a") as file:
        file.write('{"file": "b.jpg"}\n')
    with pytest.raises(DataError, match="line 2"):
        read_corpus(tmp_path)
