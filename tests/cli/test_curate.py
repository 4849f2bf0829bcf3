"""`segsearch curate`, as a person types it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Run

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
