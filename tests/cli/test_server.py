"""Commands that ask a running server print what they print of the index itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from command_line import Run
from page_server import running
from PIL import Image, ImageDraw

from searchengine import Options, SearchEngine
from searchengine.web.settings import ServeSettings

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def served(indexed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the index with a saved search, and a photo that was added since."""
    folder = tmp_path_factory.mktemp("served") / "index"
    shutil.copytree(indexed, folder, ignore=shutil.ignore_patterns("user.sqlite*"))
    picture = Image.new("RGB", (160, 120), (128, 128, 128))
    ImageDraw.Draw(picture).rectangle((40, 40, 90, 100), fill=(220, 20, 20))
    picture.save(folder.parent / "later.png")
    with SearchEngine.open(folder) as engine:
        engine.saved.add("mine", "red")
        engine.index(folder.parent / "later.png", options=Options(jobs=1))
    return folder


@pytest.fixture(scope="module")
def address(served: Path) -> Iterator[str]:
    with running(ServeSettings(folder=served, port=0)) as opened:
        yield opened


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "two largest red", "-k", "2", "--explain"],
        ["search", "the largest red", "--json", "--explain"],
        ["search", "purple giraffe", "--format", "csv"],
        ["search", "red", "--null", "--sort", "size", "--unique-photos", "--neighbours", "1"],
        ["search", "red", "--not", "2:grey", "--in", "b*.png", "--place", "left", "--json"],
        ["search", "red", "--after", "2020", "--near", "48.2,16.4,5", "--max-area", "0.5"],
        ["search", "rot", "--language", "de", "--min-confidence", "0.5", "--json"],
        ["search", "red", "--like", "3", "--no-collapse", "--all-duplicates", "--no-refer"],
        ["search", " "],
        ["similar", "PHOTOS/red.png", "--json"],
        ["similar", "PHOTOS/red.png", "--at", "60,60", "--format", "csv", "--not", "blue"],
        ["similar", "--segment", "3", "--sort", "date", "--json"],
        ["similar", "OTHER", "--box", "20,30,80,60", "--json"],
        ["similar", "PHOTOS/red.png", "--at", "900,60"],
        ["similar", "PHOTOS/none.png"],
        ["similar"],
        ["saved", "run", "mine", "--peek"],
        ["saved", "new", "--peek", "--json"],
        ["saved", "new", "theirs"],
    ],
)
def test_a_server_answers_as_the_index_does(
    run: Run, photos: Path, served: Path, address: str, tmp_path: Path, arguments: list[str]
) -> None:
    other = tmp_path / "other.png"
    if "OTHER" in arguments:  # of pixels that are there, in a file that is not
        with Image.open(photos / "green.png") as picture:
            picture.save(other, compress_level=1)
    places = {"PHOTOS": str(photos), "OTHER": str(other)}
    given = arguments
    for name, place in places.items():
        given = [each.replace(name, place) for each in given]
    here, there = run(*given, "--index", served), run(*given, "--server", address)
    asked_at = re.compile(r'(?<="until": ){.*?}')
    assert there._replace(out=asked_at.sub("", there.out)) == here._replace(
        out=asked_at.sub("", here.out)
    )
    assert here.out or here.err


def test_each_line_of_a_batch_is_answered(
    run: Run, served: Path, address: str, tmp_path: Path
) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("red\n\n# a comment\nblue\n")
    for form in ("json", "csv"):
        given = ["search", "--batch", lines, "-k", 1, "--format", form]
        assert run(*given, "--server", address) == run(*given, "--index", served)
    assert run("search", "--batch", lines, "--server", address).out.count("\n") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["two red", "-k", "3", "--format", "cutouts", "--margin", "0.2"],
        ["--ids", "3,1", "--format", "coco", "--polygons", "--json"],
        ["red", "--min-confidence", "0.5", "--format", "yolo", "--val", "0.5"],
    ],
)
def test_an_export_writes_the_same_files(
    run: Run, served: Path, address: str, tmp_path: Path, arguments: list[str]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    given = ["export", *arguments]
    one = run(*given, "--output", here, "--index", served)
    other = run(*given, "--output", there, "--server", address)
    assert other._replace(out=other.out.replace(str(there), str(here))) == one
    assert one.out

    def written(folder: Path) -> dict[str, bytes]:
        files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.*")}
        files["manifest.json"] = re.sub(
            rb'"(created_at|time)": "[^"]*"', b"", files["manifest.json"]
        )
        return files

    assert written(there) == written(here)
    again = run(*given, "--output", there, "--server", address)
    assert "would be overwritten" in again.err
    few = ["export", "blue", "-k", 1, "--overwrite", "--output", there, "--server", address]
    assert run(*few).code == 0
    assert len(written(there)) == 2  # the former export is gone


def test_what_a_saved_search_shows_counts_as_seen_on_the_server(
    run: Run, served: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(served, tmp_path / "index")
    with running(ServeSettings(folder=folder, port=0)) as own:
        first, second = (run("saved", "new", "--json", "--server", own) for _ in range(2))
    assert json.loads(first.out)["photos_added"] == 1
    assert json.loads(second.out)["photos_added"] == 0


def test_neither_models_nor_the_engine_are_loaded(address: str) -> None:
    script = (
        "import sys\nfrom cli.main import main\ntry:\n    main()\nfinally:\n"
        "    print({'torch', 'searchengine', 'sqlalchemy'} & sys.modules.keys())"
    )
    command = [sys.executable, "-c", script, "search", "red", "--server", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--sheet", "found.png"], "--sheet cannot be asked of a server"),
        (["--propose", "2"], "--propose cannot be asked of a server"),
        (["--feedback", "mine"], "leave out --feedback, or --server"),
        (["--index", "there"], "--index cannot be asked of a server"),
        (["--neighbours", "101"], "neighbours"),
    ],
)
def test_what_no_server_does_is_told_in_a_line(
    run: Run, address: str, arguments: list[str], told: str
) -> None:
    done = run("search", "red", *arguments, "--server", address)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert told in done.err


def test_an_index_that_the_environment_names_is_passed_over(
    run: Run, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGSEARCH_INDEX", "elsewhere")
    assert run("search", "red", "--server", address).code == 0


def test_a_token_is_given_by_option_or_environment(
    run: Run, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(ServeSettings(folder=served, port=0, token=TOKEN)) as guarded:
        without = run("search", "red", "--server", guarded)
        assert (without.code, without.out, without.err.count("\n")) == (1, "", 1)
        assert "give --token, or SEGSEARCH_TOKEN" in without.err
        assert run("search", "red", "--server", guarded, "--token", "wrong" * 4).code == 1
        assert run("search", "red", "--server", guarded, "--token", TOKEN).code == 0
        monkeypatch.setenv("SEGSEARCH_TOKEN", TOKEN)
        assert run("search", "red", "--server", guarded).code == 0


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:9", "nothing answers at http://127.0.0.1:9 (Connection refused)"),
        ("127.0.0.1:8017", "is no address of a server: give one as http://127.0.0.1:8017"),
        ("http://[", "is no address of a server"),
    ],
)
def test_a_server_that_is_not_there_is_told(run: Run, address: str, told: str) -> None:
    done = run("search", "red", "--server", address)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert told in done.err


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (404, b"nothing"), (405, b'{"error": {}}')]
)
def test_another_kind_of_server_is_told(run: Run, status: int, body: bytes) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        Thread(target=other.handle_request, daemon=True).start()
        done = run("search", "red", "--server", f"http://127.0.0.1:{other.server_port}")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "is no segsearch serve of this version" in done.err
