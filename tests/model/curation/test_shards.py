"""Shards are read by other people's libraries, and by ours to the same pairs."""

import gc
import json
import os
import sys
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import webdataset
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.curation.manifest import Engine, Manifest
from model.curation.parquet_shards import ParquetShards
from model.curation.shards import Shard, ShardWriter
from model.curation.source_photo import SourcePhoto
from model.curation.webdataset_shards import WebDatasetShards
from model.datasets.pairs import TrainingPair
from model.datasets.parquet import parquet_pairs
from model.datasets.regions import rectangle, whole_photo
from model.datasets.skipped_rows import SkippedRows
from model.errors import CurationError, ExtraMissing
from model.masks import rle

SIZE = (30, 40)
WRITERS: list[Any] = [ParquetShards, WebDatasetShards]


def source_photo(folder: Path, name: str, colour: str = "red") -> SourcePhoto:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE[::-1], colour).save(path)
    return SourcePhoto(name, path, blake3(path.read_bytes()).hexdigest(), SIZE)


@pytest.fixture
def photos(tmp_path: Path) -> list[SourcePhoto]:
    folder = tmp_path / "photos"
    names = {"a/één.JPEG": "red", "b.png": "green", "c.jpg": "blue", "copy.png": "green"}
    return [source_photo(folder, name, colour) for name, colour in names.items()]


def pairs_of(photo: SourcePhoto, count: int = 3) -> list[TrainingPair]:
    square = np.zeros((1, *SIZE), np.bool_)
    square[0, 5:15, 10:20] = True
    counts = rle.encode(square)[0]
    pairs = [
        TrainingPair(photo.path, SIZE, counts, ("white cat", "猫"), "object", ("nano",), 0.75),
        TrainingPair(photo.path, SIZE, rectangle([1, 2, 3, 4], SIZE), ("dog",), "box", (), 0.1),
        TrainingPair(photo.path, SIZE, whole_photo(SIZE), ("A room.",), "photo", ("me", "you")),
    ]
    return (pairs * count)[:count]


def written(kind: type[ShardWriter], folder: Path, *args: Any, **options: Any) -> ShardWriter:
    with kind(folder, **options) as shards:
        for photo in args:
            shards.add(photo, pairs_of(photo))
    return shards


def test_parquet_is_read_back_to_equal_pairs(photos: list[SourcePhoto], tmp_path: Path) -> None:
    shards = written(ParquetShards, tmp_path / "out", *photos, pairs_a_shard=6)
    assert [(s.file, s.photos, s.pairs) for s in shards.shards] == [
        ("pairs-00000.parquet", 2, 6), ("pairs-00001.parquet", 2, 6),
    ]  # fmt: skip
    skipped = SkippedRows()
    read = list(parquet_pairs(tmp_path / "out", tmp_path / "photos", skipped))
    assert read == [pair for photo in photos for pair in pairs_of(photo)]
    assert len(skipped) == 0


def test_parquet_is_read_by_datasets(photos: list[SourcePhoto], tmp_path: Path) -> None:
    written(ParquetShards, tmp_path / "out", *photos, pairs_a_shard=6)
    files = sorted(map(str, (tmp_path / "out").glob("*.parquet")))
    read = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(read) == 12
    assert read[0] == {
        "photo": "a/één.JPEG", "width": 40, "height": 30,
        "counts": pairs_of(photos[0])[0].counts.decode(), "bbox": [10, 5, 10, 10],
        "texts": ["white cat", "猫"], "kind": "object", "sources": ["nano"], "score": 0.75,
    }  # fmt: skip
    assert (read[1]["counts"], read[1]["bbox"]) == (None, [1, 2, 3, 4])
    assert read[2]["bbox"] == [0, 0, 40, 30]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset's
def test_tar_files_are_read_by_webdataset(photos: list[SourcePhoto], tmp_path: Path) -> None:
    written(WebDatasetShards, tmp_path / "out", *photos, pairs_a_shard=6)
    urls = sorted(map(str, (tmp_path / "out").glob("*.tar")))
    assert len(urls) == 2
    read = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil"))
    green = photos[1].content_hash
    assert [sample["__key__"] for sample in read] == [
        photos[0].content_hash, green, photos[2].content_hash, f"{green}-1",
    ]  # fmt: skip
    assert [sample["json"]["photo"] for sample in read] == [photo.name for photo in photos]
    for sample, suffix in zip(read, ("jpg", "png", "jpg", "png"), strict=True):
        assert sample[suffix].size == SIZE[::-1]
    first = read[0]["json"]
    assert (first["width"], first["height"]) == (40, 30)
    cat, box, _ = first["segments"]
    assert cat == {
        "counts": pairs_of(photos[0])[0].counts.decode(), "bbox": [10, 5, 10, 10],
        "texts": ["white cat", "猫"], "kind": "object", "sources": ["nano"], "score": 0.75,
    }  # fmt: skip
    assert (box["counts"], box["bbox"]) == (None, [1, 2, 3, 4])
    raw = list(webdataset.WebDataset(urls, shardshuffle=False))
    assert raw[0]["jpg"] == photos[0].path.read_bytes()
    gc.collect()


@pytest.mark.parametrize("kind", WRITERS)
def test_the_same_pairs_give_the_same_bytes(
    kind: type[ShardWriter], photos: list[SourcePhoto], tmp_path: Path
) -> None:
    one = written(kind, tmp_path / "one", *photos, pairs_a_shard=3)
    for photo in photos:
        os.utime(photo.path, (9e8, 9e8))
    other = written(kind, tmp_path / "other", *photos, pairs_a_shard=3)
    assert one.shards == other.shards
    assert len(one.shards) == 4
    for shard in one.shards:
        content = (tmp_path / "one" / shard.file).read_bytes()
        assert content == (tmp_path / "other" / shard.file).read_bytes()
        assert len(content) == shard.size


@pytest.mark.parametrize("kind", WRITERS)
def test_digests_are_those_that_other_tools_compute(
    kind: type[ShardWriter], photos: list[SourcePhoto], tmp_path: Path
) -> None:
    (shard,) = written(kind, tmp_path, *photos).shards
    assert shard.sha256 == sha256((tmp_path / shard.file).read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", WRITERS)
def test_a_shard_is_whole_or_not_there(
    kind: type[ShardWriter], photos: list[SourcePhoto], tmp_path: Path
) -> None:
    def interrupted() -> None:
        with kind(tmp_path / "out", pairs_a_shard=6) as shards:
            for photo in photos[:3]:
                shards.add(photo, pairs_of(photo))
            raise KeyboardInterrupt

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text("of other shards")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [file.name for file in (tmp_path / "out").iterdir()] == [f"pairs-00000.{kind.suffix}"]


@pytest.mark.parametrize("kind", WRITERS)
def test_without_pairs_there_is_no_shard(
    kind: type[ShardWriter], photos: list[SourcePhoto], tmp_path: Path
) -> None:
    with kind(tmp_path / "out") as shards:
        shards.add(photos[0], [])
    assert shards.shards == []
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", WRITERS)
def test_what_cannot_be_written_down_is_left_out(
    kind: type[ShardWriter], photos: list[SourcePhoto], tmp_path: Path
) -> None:
    with kind(tmp_path / "out") as shards:
        shards.add(replace(photos[0], name="\udcff.jpg"), pairs_of(photos[0]))
        shards.add(photos[1], [replace(pairs_of(photos[1])[0], texts=("half: \ud800",))])
        shards.add(photos[2], pairs_of(photos[2]))
        with pytest.raises(ValueError, match="several frames"):
            shards.add(
                photos[3], [*pairs_of(photos[3]), replace(pairs_of(photos[3])[0], size=(9, 9))]
            )
    assert [(shard.photos, shard.pairs) for shard in shards.shards] == [(1, 3)]
    assert shards.skipped.reasons == {"its name or texts are no UTF-8": 2}


def test_photos_that_changed_are_not_copied(photos: list[SourcePhoto], tmp_path: Path) -> None:
    photos[0].path.write_bytes(photos[1].path.read_bytes())
    photos[2].path.unlink()
    shards = written(WebDatasetShards, tmp_path / "out", *photos[:3])
    assert [(shard.photos, shard.pairs) for shard in shards.shards] == [(1, 3)]
    with tarfile.open(tmp_path / "out" / "pairs-00000.tar") as archive:
        key = photos[1].content_hash
        assert {member.mtime for member in archive} == {0}
        assert archive.getnames() == [f"{key}.png", f"{key}.json"]
    assert shards.skipped.reasons == {"the photo cannot be copied": 2}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_that_takes_no_file_is_told(
    kind: type[ShardWriter], photos: list[SourcePhoto], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CurationError, match="file cannot be written"):
        written(kind, tmp_path / "file", *photos)
    (tmp_path / "out" / f"pairs-00000.{kind.suffix}").mkdir(parents=True)
    with pytest.raises(CurationError, match="pairs-00000"):
        written(kind, tmp_path / "out", *photos)
    with pytest.raises(ValueError, match="pairs_a_shard is 0"):
        kind(tmp_path, 0)


def test_pyarrow_is_an_extra(
    photos: list[SourcePhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraMissing, match=r"segsearch\[curate\]"):
        written(ParquetShards, tmp_path, *photos)


def test_a_manifest_names_every_shard_and_no_other_is_left(
    photos: list[SourcePhoto], tmp_path: Path
) -> None:
    for kind in WRITERS:  # an earlier run with more of them
        written(kind, tmp_path, *photos, pairs_a_shard=1)
    (tmp_path / "notes.parquet").write_text("of the user's")
    shards = [
        shard
        for kind in WRITERS
        for shard in written(kind, tmp_path, *photos, pairs_a_shard=6).shards
    ]
    config = {"captions": {"engine": "side-files", "path": "é.jsonl"}}
    engines = [Engine("captions", "side-files", "ab12")]
    Manifest(config, "1", engines, {"photos": 4}, shards).write(tmp_path)
    files = {file.name for file in tmp_path.iterdir() if file.is_file()}
    assert files == {"notes.parquet", "manifest.json", *(shard.file for shard in shards)}
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert [Shard(**shard) for shard in manifest.pop("shards")] == shards
    assert manifest == {
        "format": 1, "config": config, "prompts": "1", "counts": {"photos": 4},
        "engines": [{"stage": "captions", "name": "side-files", "fingerprint": "ab12"}],
    }  # fmt: skip


def test_a_manifest_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="nowhere cannot be written to"):
        Manifest({}, "", [], {}, []).write(tmp_path / "nowhere")


@settings(max_examples=20)
@given(
    st.lists(st.integers(0, 4), max_size=8),
    st.integers(1, 9),
)
def test_photos_are_never_torn_apart(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], full: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    photo = SourcePhoto("a.jpg", folder / "a.jpg", "00", SIZE)
    with ParquetShards(folder, full) as shards:
        for count in counts:
            shards.add(photo, pairs_of(photo, count))
    expected: list[list[int]] = [[]]
    for count in filter(None, counts):
        if sum(expected[-1]) >= full:
            expected.append([])
        expected[-1].append(count)
    assert [(s.photos, s.pairs) for s in shards.shards] == [
        (len(each), sum(each)) for each in expected if each
    ]
