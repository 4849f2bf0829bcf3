"""The page's own files: small, whole, typed, and without a way for markup to get in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from platformdirs import user_cache_path

from searchengine.web.assets import STATIC

MOST = 120_000  # bytes that travel
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
COMPILER = "typescript@7"


def test_all_files_together_travel_in_120_kilobytes(client: httpx.Client) -> None:
    travelled = 0
    for path in FILES:
        with client.stream("GET", f"/{path.relative_to(STATIC).as_posix()}") as answer:
            assert answer.read() == path.read_bytes()
            travelled += answer.num_bytes_downloaded
    assert 20_000 < travelled <= MOST
    plain = client.get("/app.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == (STATIC / "app.js").read_bytes()


def test_every_file_that_is_named_is_there_and_none_comes_from_elsewhere() -> None:
    named = 0
    for path in FILES:
        text = path.read_text()
        pattern = r'(?:src|href)="([^"#]+)"' if path.suffix == ".html" else r'from "(\.[^"]+)"'
        for name in re.findall(pattern, text):
            assert (path.parent / name).resolve().exists(), f"{path.name} names {name}"
            named += 1
        elsewhere = set(re.findall(r"https?://[^\s\"'<]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not elsewhere, path.name
    assert named > 50


def test_nothing_is_ever_read_as_markup_or_code() -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|DOMParser"
    for path in SCRIPTS:
        assert not re.findall(sinks, path.read_text()), path.name
    page = (STATIC / "index.html").read_text()
    assert not re.findall(r"\sstyle=|\son\w+=|<style|<script>", page)


def test_types_hold() -> None:
    """JSDoc types, checked by TypeScript; fetched once into the user's cache where npm is."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("types of the page are checked where node and npm are")
    folder = user_cache_path("segsearch-checks") / COMPILER
    compiler = folder / "node_modules" / ".bin" / "tsc"
    if not compiler.exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--no-save", "--silent", "--prefix", str(folder), COMPILER]
        done = subprocess.run(install, capture_output=True, timeout=120, env={**os.environ})
        if done.returncode or not compiler.exists():
            pytest.skip("TypeScript is not here and could not be fetched")
    settings = Path(__file__).with_name("jsconfig.json")
    told = subprocess.run([compiler, "-p", settings], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stdout
