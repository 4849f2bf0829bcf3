"""A curation from photos and captions to shards that training reads, stopped and gone on with."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from other_process import elsewhere, losing

from model.curation.building import build
from model.curation.config import CurationConfig
from model.curation.curate import curate
from model.curation.photo_list import listed_photos
from model.curation.report import Report
from model.curation.report_page import SIDE
from model.curation.source_photo import SourcePhoto
from model.curation.stage_store import MOST_ATTEMPTS
from model.datasets.pairs import TrainingPair
from model.datasets.parquet import parquet_pairs
from model.datasets.skipped_rows import SkippedRows
from model.errors import ExtraMissing
from model.masks import rle
from model.task import By

HOME = Path(__file__).resolve().parents[3]
# a curation that prints a line a photo
SCRIPT = """
import sys
from pathlib import Path
from model.curation.building import build
from model.curation.config import load_config
from model.curation.curate import curate
from model.curation.photo_list import listed_photos
from model.datasets.skipped_rows import SkippedRows

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
photos = listed_photos(folder.rglob("*.png"), folder, SkippedRows())
told = lambda done, of: print(done, flush=True)
curate(build(load_config(Path(sys.argv[3])), folder), photos, out, told)
"""


def photos_of(folder: Path) -> list[SourcePhoto]:
    return listed_photos(folder.rglob("*.png"), folder, SkippedRows())


def made(config: CurationConfig, folder: Path, out: Path, by: By | None = None) -> Report:
    return curate(build(config, folder), photos_of(folder), out, lambda done, of: None, by=by)


def read(out: Path, folder: Path) -> list[TrainingPair]:
    skipped = SkippedRows()
    pairs = list(parquet_pairs(out, folder, skipped))
    assert not len(skipped)
    return pairs


def content(out: Path) -> dict[str, str]:
    """Digests of what a curation gives."""
    return {
        file.name: blake3(file.read_bytes()).hexdigest()
        for file in sorted(out.iterdir())
        if file.is_file()
    }


def test_squares_become_pairs_with_their_words(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    report = made(coloured, captioned, tmp_path)
    pairs = read(tmp_path, captioned)
    assert report.counts["photos"] == report.counts["photos with pairs"] == 10
    assert report.counts["pairs"] == len(pairs) == 20
    for pair in pairs:
        (text,) = pair.texts
        caption = pair.photo.with_suffix(".txt").read_text()
        assert text in caption
        assert pair.sources == ("side-files", "colours")
        area = rle.areas((pair.counts,), pair.size)[0] / (pair.size[0] * pair.size[1])
        assert 0.05 < area < 0.25
    assert [pair.photo for pair in pairs] == sorted(
        (pair.photo for pair in pairs), key=lambda path: blake3(path.read_bytes()).digest()
    )
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["counts"]["pairs"] == 20
    assert [engine["name"] for engine in manifest["engines"]][::2] == ["side-files", "colours"]
    page = (tmp_path / "report.html").read_text()
    assert "20 pairs of 10 photos" in page
    assert page.count("<article>") == 10
    assert "data:image/jpeg;base64," in page


def test_the_page_draws_each_mask_where_it_is(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    made(coloured, captioned, tmp_path)
    paths = re.findall(
        r'<path class="mask"[^>]* d="([^"]*)"', (tmp_path / "report.html").read_text()
    )
    pairs = read(tmp_path, captioned)
    assert len(paths) == len(pairs)
    for path, pair in zip(paths, pairs, strict=True):
        points = np.array(re.findall(r"[\d.]+", path), np.float64).reshape(-1, 2)
        box = rle.boxes((pair.counts,), pair.size)[0] * SIDE / max(pair.size)
        drawn = np.concatenate([points.min(axis=0), points.max(axis=0)])
        assert np.abs(drawn - box).max() <= SIDE / max(pair.size)  # a pixel of the mask


def test_a_second_run_and_one_elsewhere_give_the_same_bytes(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    made(coloured, captioned, tmp_path / "one")
    first = content(tmp_path / "one")
    made(coloured, captioned, tmp_path / "one")
    made(coloured, captioned, tmp_path / "two")
    made(coloured, captioned, tmp_path / "three", elsewhere)
    assert content(tmp_path / "one") == content(tmp_path / "two") == first
    assert content(tmp_path / "three") == first
    made(coloured, captioned, tmp_path / "three", losing(""))  # all is known: nobody is asked
    assert content(tmp_path / "three") == first


def test_a_photo_that_is_damaged_is_set_aside_and_the_rest_goes_on(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(captioned, folder)
    damaged = folder / "1.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    report = made(coloured, folder, tmp_path / "out")
    assert report.counts["photos set aside"] == 1
    ((stage, reason), (count, names)) = next(iter(report.set_aside.items()))
    assert (stage, count, names) == ("boxes", 1, ("1.png",))
    assert "1.png" in reason
    assert len(read(tmp_path / "out", folder)) == 18
    made(coloured, folder, tmp_path / "other", elsewhere)
    assert content(tmp_path / "other") == content(tmp_path / "out")


def test_a_photo_that_ends_whoever_looks_is_set_aside_and_tried_thrice(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    for _ in range(MOST_ATTEMPTS):
        report = made(coloured, captioned, tmp_path, losing("1.png"))
        ((stage, reason), (count, names)) = next(iter(report.set_aside.items()))
        assert (stage, count, names) == ("phrases", 1, ("1.png",))
        assert "1.png ends the process that looks at it (exit code 7)" in reason
        assert report.counts["pairs"] == 18
    assert made(coloured, captioned, tmp_path, elsewhere).counts["pairs"] == 18


def test_what_was_set_aside_is_tried_again_where_that_is_asked_for(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(captioned, folder)
    whole = (folder / "1.png").read_bytes()
    photos, stages = photos_of(folder), build(coloured, folder)

    def again(retry: bool = False) -> int:
        report = curate(stages, photos, tmp_path / "out", lambda done, of: None, retry=retry)
        return report.counts["photos set aside"]

    (folder / "1.png").write_bytes(whole[:200])
    assert [again() for _ in range(MOST_ATTEMPTS)] == [1] * MOST_ATTEMPTS
    (folder / "1.png").write_bytes(whole)
    assert again() == 1
    assert again(retry=True) == 0


def test_photos_that_come_again_and_blocked_words_are_left_out(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(captioned, folder)
    shutil.copy(folder / "1.png", folder / "same.png")  # the same bytes: one photo
    config = replace(coloured, filters=replace(coloured.filters, duplicates=2, blocked=("red",)))
    report = made(config, folder, tmp_path / "out")
    assert report.counts["photos"] == 10
    assert not any("red" in text for pair in read(tmp_path / "out", folder) for text in pair.texts)
    assert "it has a blocked word" in report.losses["pairs"]


def test_what_writing_needs_is_missed_before_anything_is_made(
    captioned: Path, coloured: CurationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraMissing, match="pyarrow is not installed"):
        build(coloured, captioned)
    build(replace(coloured, shards=replace(coloured.shards, format="webdataset")), captioned)


def test_webdataset_shards_are_written_where_asked_for(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    config = replace(coloured, shards=replace(coloured.shards, format="webdataset"))
    made(coloured, captioned, tmp_path)
    made(config, captioned, tmp_path)
    assert {file.suffix for file in tmp_path.glob("pairs-*")} == {".tar"}


def test_runs_that_are_killed_end_with_the_same_bytes(
    captioned: Path, coloured: CurationConfig, tmp_path: Path
) -> None:
    made(coloured, captioned, tmp_path / "whole")
    chance, out = np.random.default_rng(0), tmp_path / "killed"
    environment = {**os.environ, "PYTHONPATH": os.fspath(HOME)}
    config = tmp_path / "curate.toml"
    config.write_text(
        '[boxes]\nengine = "preset"\npreset = "colours"\n[masks]\npreset = "colours"\n'
        "[filters]\nduplicates = -1\n"
    )
    command = [
        sys.executable,
        "-c",
        SCRIPT,
        os.fspath(captioned),
        os.fspath(out),
        os.fspath(config),
    ]
    for number in range(4):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            if number < 3:
                for _ in range(3 * (number + 1)):  # further than what was begun before
                    process.stdout.readline()
                time.sleep(float(chance.uniform(0, 0.05)))
                process.send_signal(signal.SIGKILL)
            else:
                process.communicate()
                assert process.returncode == 0
    assert content(out) == content(tmp_path / "whole")
