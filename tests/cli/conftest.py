"""Run the command line as a person does, and compare what it prints with what is on file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Done, Run
from PIL import Image, ImageDraw

from cli.main import main

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`run("search", "red")`: exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("SEGSEARCH_INDEX", raising=False)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["segsearch", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three photos, one that is cut off, and one of a kind that is not read."""
    folder = tmp_path_factory.mktemp("photos")
    for name, colour, box in (
        ("red.png", (220, 20, 20), (20, 30, 100, 90)),
        ("blue.png", (30, 60, 210), (60, 10, 140, 100)),
        ("green.png", (20, 150, 40), (10, 10, 150, 110)),
    ):
        picture = Image.new("RGB", (160, 120), (128, 128, 128))
        ImageDraw.Draw(picture).rectangle(box, fill=colour)
        picture.save(folder / name)
    (folder / "broken.png").write_bytes((folder / "red.png").read_bytes()[:120])
    (folder / "drawing.svg").write_text("<svg/>")
    return folder


@pytest.fixture(scope="session")
def indexed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of `photos`; not to be changed."""
    from searchengine import Options, SearchEngine

    folder = tmp_path_factory.mktemp("index")
    with SearchEngine.open(folder, preset="colours") as engine:
        engine.index(photos, options=Options(jobs=1))
    return folder


@pytest.fixture
def golden(
    request: pytest.FixtureRequest, photos: Path, indexed: Path, tmp_path: Path
) -> Callable[[str, str], None]:
    """Compare a text with the file of that name; `--update-golden` writes the file instead."""
    places = {str(photos): "PHOTOS", str(indexed): "INDEX", str(tmp_path): "TMP"}

    def compare(name: str, text: str) -> None:
        for place, word in places.items():
            text = text.replace(place, word)
        text = re.sub(r'("seconds"|"created_at"|"time"): ("[^"]*"|[\d.e+-]+)', r"\1: 0", text)
        text = re.sub(r"[\d,.]+ MB", "N MB", text)
        file = GOLDEN / name
        if request.config.getoption("--update-golden"):
            file.write_text(text)
        assert file.exists(), f"{file} is missing; write it with --update-golden, and read it"
        assert text == file.read_text()

    return compare
