"""The guide's commands, typed as they stand."""

import re
import shlex
from pathlib import Path

import pytest
from command_line import Run
from PIL import Image, ImageDraw

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
COMMANDS = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the guide says that it holds, and an index of the weight-free preset."""
    from searchengine import Options, SearchEngine

    folder = tmp_path_factory.mktemp("guide")
    (folder / "photos" / "2023").mkdir(parents=True)
    for name, colour in (
        ("photos/2023/a.jpg", "red"),
        ("photos/b.jpg", "blue"),
        ("wheel.jpg", "red"),
    ):
        picture = Image.new("RGB", (120, 90), "grey")
        ImageDraw.Draw(picture).ellipse((30, 30, 90, 80), fill=colour)
        picture.save(folder / name)
    (folder / "queries.txt").write_text("red door\nblue window\n", "utf-8")
    (folder / "classes.txt").write_text("# classes\nred\nsea: blue\n", "utf-8")
    with SearchEngine.open(folder / "index", preset="colours") as engine:
        engine.index(folder / "photos", options=Options(jobs=1))
    return folder


def test_the_guide_has_commands_only() -> None:
    assert len(COMMANDS) > 30
    assert {command[0] for command in COMMANDS} == {"segsearch"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_of_the_guide_works(
    command: list[str], place: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("SEGSEARCH_INDEX", str(place / "index"))
    done = run(*command[1:])
    assert done.code == 0, done.err
