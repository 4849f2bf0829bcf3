"""`segsearch curate`, as a person types it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from PIL import Image

HOME = Path(__file__).resolve().parents[2]
CONFIG = """
[boxes]
engine = "preset"
preset = "colours"
[masks]
preset = "colours"
[filters]
duplicates = -1
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "curate.toml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def captions(tmp_path: Path, photos: Path) -> Path:
    """A line for each photo, whether it can be read or not."""
    file = tmp_path / "captions.jsonl"
    names = sorted(path.name for path in photos.iterdir() if path.is_file())
    lines = [{"photo": name, "caption": "a red square beside a blue square"} for name in names]
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def test_pairs_are_made_and_counted(
    run: Run, photos: Path, config: Path, captions: Path, tmp_path: Path,
    golden: Callable[[str, str], None],
) -> None:  # fmt: skip
    out = tmp_path / "pairs"
    done = run("curate", photos, "-o", out, "--config", config, "--captions", captions)
    assert done.code == 3  # one photo is cut off
    golden("curate.out", done.out)
    golden("curate.err", done.err)
    assert {"manifest.json", "report.html", "report.json", "work"} <= {
        path.name for path in out.iterdir()
    }
    again = run("curate", photos, "-o", out, "--config", config, "--captions", captions, "--json")
    told = json.loads(again.out)
    assert told["folder"] == str(out)
    assert told["counts"]["pairs"] > 0


def test_what_cannot_be_used_is_told_in_a_line(run: Run, photos: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ((tmp_path / "none", "-o", tmp_path / "out"), "there is no folder"),
        ((tmp_path, "-o", tmp_path / "out"), "holds no photo"),
        ((photos, "-o", tmp_path / "out"), "put a text file beside each photo"),
        ((photos, "-o", tmp_path / "out", "--config", tmp_path / "x.toml"), "cannot be read"),
    ):
        done = run("curate", *arguments)
        assert done.code == 1, done
        assert message in done.err.splitlines()[-1]
        assert "Traceback" not in done.err


def test_a_head_is_trained_from_pairs_and_searched_with(
    run: Run, config: Path, tmp_path: Path
) -> None:
    """The loop of the README on six squares, with few steps."""
    photos = tmp_path / "photos"
    photos.mkdir()
    chance = np.random.default_rng(0)
    for number, (word, paint) in enumerate(2 * [("red", 0), ("green", 1), ("blue", 2)]):
        pixels = chance.integers(200, 255, (48, 64, 3)).astype(np.uint8)
        pixels[8:36, 10 + number : 40 + number] = np.eye(3, dtype=np.uint8)[paint] * 220
        Image.fromarray(pixels).save(photos / f"{number}.png")
        (photos / f"{number}.txt").write_text(f"a {word} square")
    done = run("curate", photos, "-o", tmp_path / "pairs", "--config", config, "-q")
    assert done.code == 0, done.err
    recipe = tmp_path / "curated.toml"
    text = (HOME / "recipes" / "curated.toml").read_text()
    for before, after in (
        ("[448, 640]", "[64]"), ("512", "128"), ("steps = 600", "steps = 2"),
        ("batch = 256", "batch = 6"), ("_every = 200", "_every = 1"),
    ):  # fmt: skip
        assert before in text
        text = text.replace(before, after)
    recipe.write_text(text)
    run_folder = tmp_path / "run"
    cache = tmp_path / "cache"
    done = run(
        "train", recipe, "--data", tmp_path, "--out", run_folder, "--cache", cache, "--threads", 1,
        "-q",
    )  # fmt: skip
    assert done.code == 0, done.err
    own = ("--preset", "nano", "--head", run_folder / "head.safetensors")
    index = tmp_path / "index"
    done = run("index", photos, "--index", index, *own, "--jobs", 1, "-q")
    assert done.code == 0, done.err
    found = run("search", "red square", "--index", index, "--json")
    assert json.loads(found.out)["matches"]
