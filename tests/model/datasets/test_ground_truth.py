import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.datasets.ground_truth import bare_segments, read_truth
from model.errors import DataError, PhotoUnreadable, PhotoUnsupported
from model.masks import rle


def test_photos_of_a_split_are_read_with_what_their_sources_name(squares_corpus: Path) -> None:
    truth = read_truth(squares_corpus, "val")
    assert truth.sources == ("squares", "walls")
    assert len(truth.photos) == 12
    assert truth.vocabulary == {"squares": {"square", "box", "ground"}}
    assert truth.stuff == {"ground"}
    first = truth.photos[0]
    assert [region.phrases for region in first.named] == [("square", "box"), ("ground",)]
    assert truth.photos[6].captions == ("red wall",)
    assert first.read().size == first.size == (60, 80)
    assert len(read_truth(squares_corpus, "train").photos) == 2
    assert len(read_truth(squares_corpus, "val", ["walls"], most=2).photos) == 2


def test_boxes_are_left_out_and_the_nameless_kept_with_their_annotator(tmp_path: Path) -> None:
    counts = rle.encode(np.ones((1, 4, 4), np.bool_))[0].decode()
    mask = {"segmentation": {"counts": counts}, "kind": "object"}
    regions = [
        mask | {"phrases": [" "], "annotator": 1},
        {"segmentation": None, "kind": "box", "phrases": ["sofa"]},
    ]
    record = {
        "file": "a.png", "height": 4, "width": 4, "split": "val", "captions": [" "],
        "regions": regions,
    }  # fmt: skip
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "annotations.jsonl").write_text(json.dumps(record))
    (photo,) = read_truth(tmp_path, "val").photos
    assert [region.annotator for region in photo.regions] == [1]
    assert photo.named == photo.captions == ()


def test_what_is_not_there_is_told(squares_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"annotations\.jsonl"):
        read_truth(tmp_path, "val")
    with pytest.raises(DataError, match="split 'test'"):
        read_truth(squares_corpus, "test")
    with pytest.raises(DataError, match="cats"):
        read_truth(squares_corpus, "val", ["cats"])


def test_what_is_damaged_is_told(squares_corpus: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(squares_corpus, tmp_path / "copy")
    first, second = read_truth(copy, "val", ["walls"], most=2).photos
    first.path.write_bytes(b"no photo")
    with pytest.raises(PhotoUnsupported, match="holds no photo"):
        first.read()
    Image.new("RGB", (3, 3)).save(second.path)
    with pytest.raises(PhotoUnreadable, match=r"\(3, 3\)"):
        second.read()
    with (copy / "walls" / "annotations.jsonl").open("a") as file:
        file.write('{"file": 3}\n')
    with pytest.raises(DataError, match="line 8"):
        read_truth(copy, "val")


def test_bare_segments_measure_their_masks() -> None:
    segments = bare_segments((4, 6), rle.encode(np.ones((2, 4, 6), np.bool_)))
    assert segments.areas.tolist() == [24, 24]
    assert segments.parents.tolist() == [-1, -1]
    assert len(bare_segments((4, 6), ())) == 0
