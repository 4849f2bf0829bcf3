import json
from pathlib import Path

import numpy as np
import pytest

from model.datasets.ground_truth import TruePhoto
from model.datasets.outlined_photos import OutlinedPhotos
from model.masks import rle


def drawn_from(sources: str) -> list[TruePhoto]:
    return [TruePhoto(source, Path(), (1, 1), (), ()) for source in sources * 300]


def test_batches_are_full_and_drawn_by_weight() -> None:
    photos = drawn_from("ab")
    order = OutlinedPhotos(weights={"b": 4.0}).order(photos, 7, 0)
    assert {len(batch) for batch in order} == {7}
    drawn = [photos[number].source for batch in order for number in batch]
    assert drawn.count("b") / len(drawn) == pytest.approx(0.8, abs=0.06)


def test_a_batch_holds_photos_of_one_shape() -> None:
    photos = drawn_from("aab")
    shapes = [(64, 96) if number % 2 else (96, 64) for number in range(900)]
    order = OutlinedPhotos(weights={"b": 8.0}).order(photos, 4, 0, shapes)
    assert all(len({shapes[number] for number in batch}) == 1 for batch in order)
    drawn = [photos[number].source for batch in order for number in batch]
    assert drawn.count("b") / len(drawn) == pytest.approx(0.8, abs=0.05)


def test_an_epoch_depends_on_its_seed_alone() -> None:
    photos = drawn_from("ab")
    asked = OutlinedPhotos()
    assert asked.order(photos, 4, 1) == asked.order(photos, 4, 1) != asked.order(photos, 4, 2)


def test_what_is_kept_back_is_not_learned_from(tmp_path: Path) -> None:
    counts = rle.encode(np.ones((1, 6, 8), np.bool_))[0].decode()
    region = {"segmentation": {"size": [6, 8], "counts": counts}, "phrases": [], "kind": "object"}
    lines = [
        {"file": f"{number}.png", "height": 6, "width": 8, "split": "train", "captions": []}
        | {"regions": [region] if number else []}
        for number in range(40)
    ]
    (tmp_path / "plain").mkdir()
    text = "\n".join(map(json.dumps, [*lines, lines[-1] | {"split": "val", "file": "v.png"}]))
    (tmp_path / "plain" / "annotations.jsonl").write_text(text, encoding="utf-8")
    photos = OutlinedPhotos(holdout=0.5)
    train, groups = photos.read(tmp_path)
    learned = {photo.path.name for photo in train}
    measured = {group: {photo.path.name for photo in some} for group, some in groups.items()}
    assert measured["held"]
    assert learned | measured["held"] == {f"{number}.png" for number in range(1, 40)}
    assert not learned & measured["held"]
    assert measured["seen"] == learned
    assert measured["val"] == {"v.png"}


def test_a_few_photos_of_some_sources_are_measured(squares_corpus: Path) -> None:
    _, every = OutlinedPhotos().read(squares_corpus)
    assert "held" not in every
    _, some = OutlinedPhotos(measured=("squares",), most=1).read(squares_corpus)
    assert {name: len(photos) for name, photos in some.items()} == dict.fromkeys(some, 1)
    assert OutlinedPhotos(measured=("circles",)).read(squares_corpus)[1] == {}
