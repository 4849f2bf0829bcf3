"""Measuring and curating over a Ray cluster, as a person types it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command_line import Done, Run

pytestmark = pytest.mark.usefixtures("joined_by_all")


def rows(done: Done) -> list[dict[str, object]]:
    (table,) = json.loads(done.out)["tables"]
    return [row for row in table["rows"] if "seconds" not in row["what"]]


def test_figures_are_those_of_one_process_without_what_kills(
    run: Run, squares_corpus: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(squares_corpus / "squares", corpus / "squares")
    lines = (corpus / "squares" / "annotations.jsonl").read_text().splitlines()[:4]
    (corpus / "squares" / "annotations.jsonl").write_text("\n".join(lines))
    asked = ("evaluate", "masks", "--data", corpus, "--preset", "colours", "--json", "-q")
    here = run(*asked, "--no-baselines")
    again = json.loads(lines[0])
    again["file"] = "deadly.png"
    shutil.copy(corpus / "squares/images/0.png", corpus / "squares/images/deadly.png")
    (corpus / "squares" / "annotations.jsonl").write_text("\n".join([json.dumps(again), *lines]))
    over = run(*asked, "--no-baselines", "--ray", "local")
    assert (here.code, over.code) == (0, 3), over.err
    assert rows(over) == rows(here)
    assert over.err.startswith(f"left out: {corpus}/squares/images/deadly.png ends the process")
    assert len(json.loads(over.out)["left_out"]) == 1


CONFIG = """
boxes = {engine = "preset", preset = "colours"}
masks = {preset = "colours"}
filters = {duplicates = -1}
"""


def test_pairs_are_those_of_one_process(run: Run, squares_corpus: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(squares_corpus / "squares" / "images", photos)
    for photo in list(photos.iterdir()):
        photo.with_suffix(".txt").write_text("a red square beside a blue square")
    (tmp_path / "curate.toml").write_text(CONFIG)
    for name, over in (("here", ()), ("over", ("--ray", "local"))):
        asked = ("curate", photos, "-o", tmp_path / name, "--config", tmp_path / "curate.toml")
        done = run(*asked, *over, "-q")
        assert done.code == 0, done.err
    made = [
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir() if file.is_file()}
        for name in ("here", "over")
    ]
    assert made[0] == made[1]
    assert "pairs-00000.parquet" in made[0]
    deadly = photos / "deadly.png"
    deadly.write_bytes((photos / "0.png").read_bytes() + b"more")
    os.link(photos / "0.txt", photos / "deadly.txt")
    done = run(*asked, "--ray", "local", "-q")
    assert done.code == 3
    assert "1 set aside at phrases, as deadly.png" in done.err
    assert "ends the process that looks at it (exit code 7)" in done.err
