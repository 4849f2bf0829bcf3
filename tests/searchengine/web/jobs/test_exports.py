"""Exports over the socket, compared with what the command line writes."""

from __future__ import annotations

import io
import json
import shlex
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.app import app
from searchengine.export.exporter import FORMATS

API = "/api/v1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def client(serving: Callable[..., Any], folder: Path) -> Iterator[httpx.Client]:
    with (
        serving(export_folder=folder) as address,
        httpx.Client(base_url=address, timeout=120) as opened,
    ):
        yield opened


def exported(client: httpx.Client, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was answered, and the job at its end."""
    answer = client.post(f"{API}/exports", json=fields)
    assert answer.status_code == 202, answer.text
    begun = answer.json()
    for _ in range(4000):
        job: dict[str, Any] = client.get(f"{API}/jobs/{begun['job']}").json()
        if job["ended"]:
            return begun, job
        time.sleep(0.05)
    raise AssertionError(job)


def zipped(client: httpx.Client, job: dict[str, Any]) -> dict[str, bytes]:
    answer = client.get(f"{API}/exports/{job['id']}/file")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def by_command(command: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Files that a command writes in an empty folder."""
    monkeypatch.chdir(place)
    words = shlex.split(command)
    done = CliRunner().invoke(app, words[1:])
    assert (words[0], done.exit_code) == ("segsearch", 0), done.output
    output = place / words[words.index("--output") + 1]
    return {
        str(file.relative_to(output)): file.read_bytes()
        for file in output.rglob("*")
        if file.is_file()
    }


def same(one: dict[str, bytes], other: dict[str, bytes]) -> bool:
    """Whether files are the same, but for the time that manifests tell, and the way that LabelMe
    goes from the folder to the photo."""
    for files in (one, other):
        for name, content in files.items():
            lines = content.splitlines(keepends=True)
            files[name] = b"".join(line for line in lines if b'"imagePath": "' not in line)
        document = json.loads(files["manifest.json"])
        assert document.pop("time", None) or document.pop("created_at", None)
        files["manifest.json"] = json.dumps(document).encode()
    return one == other


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_zip_holds_what_the_command_writes(
    client: httpx.Client, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = client.post(
        f"{API}/search",
        json={"words": "blue", "negatives": [{"words": "red"}], "where": {"after": "2023-06"}},
    ).json()
    begun, job = exported(client, search=found["id"], format=format, name="blue things")
    assert job["state"] == "done", job
    assert job["summary"]["segments"] == begun["segments"] == job["done"] == job["total"]
    files = zipped(client, job)
    assert len(files) == job["summary"]["files"]
    assert same(files, by_command(begun["command"], tmp_path, monkeypatch))


def test_labelme_finds_the_photos_wherever_a_zip_is_unpacked(
    client: httpx.Client, photos: Path, tmp_path: Path
) -> None:
    _, job = exported(client, ids=[1, 5], format="labelme")
    for folder in (tmp_path / "near", tmp_path / "a" / "b" / "far"):
        for name, content in zipped(client, job).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        files = [file for file in folder.rglob("*.json") if file.name != "manifest.json"]
        assert len(files) == 2
        for file in files:  # as LabelMe opens it
            photo = file.parent / json.loads(file.read_text())["imagePath"]
            assert photo.resolve().is_relative_to(photos.resolve())
            assert (photo.stem, photo.is_file()) == (file.stem, True)


def test_chosen_segments_and_options_are_those_of_the_command(
    client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"raw_frame": True, "polygons": True}
    begun, job = exported(client, ids=[5, 2, 2], format="coco", options=options, name="chosen")
    assert begun["segments"] == 2
    assert same(zipped(client, job), by_command(begun["command"], tmp_path, monkeypatch))


def test_what_no_command_can_ask_is_exported_as_it_is_shown(client: httpx.Client) -> None:
    found = client.post(f"{API}/search", json={"words": "blue", "group": "photo"}).json()
    begun, job = exported(client, search=found["id"], format="masks")
    assert begun["segments"] == found["total"]
    manifest = json.loads(zipped(client, job)["manifest.json"])
    assert len(manifest["files"]) == found["total"]


def test_a_folder_is_made_below_that_of_the_server(client: httpx.Client, folder: Path) -> None:
    _, job = exported(client, ids=[1], destination="folder", name="One of them")
    assert job["summary"]["folder"] == str(folder / "One of them")
    assert (folder / "One of them" / "manifest.json").is_file()
    answer = client.get(f"{API}/exports/{job['id']}/file")
    assert (answer.status_code, answer.json()["error"]["kind"]) == (404, "NotFound")
    again = client.post(
        f"{API}/exports", json={"ids": [1], "destination": "folder", "name": "One of them"}
    )
    assert again.status_code == 422
    assert "is there already" in again.json()["error"]["what"]


@pytest.mark.parametrize(
    "name",
    ["..", ".", "../out", "a/b", "a\\b", "/tmp/x", ".hidden", "a\0b", "a\nb", "nul", "x" * 101,
     " a", "a.", "-rf", "~", "~root", "link"],
)  # fmt: skip
def test_no_name_leads_elsewhere(client: httpx.Client, folder: Path, name: str) -> None:
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to(folder.parent)
    before = sorted(folder.parent.iterdir())
    for destination in ("folder", "zip"):
        if (destination, name) == ("zip", "link"):
            continue
        answer = client.post(
            f"{API}/exports", json={"ids": [1], "destination": destination, "name": name}
        )
        assert answer.status_code == 422, answer.text
    assert sorted(folder.parent.iterdir()) == before


def test_without_a_folder_only_zips_are_made(address: str) -> None:
    with httpx.Client(base_url=address, timeout=120) as client:
        asked = {"ids": [1], "destination": "folder", "name": "x"}
        answer = client.post(f"{API}/exports", json=asked)
        assert answer.status_code == 403
        assert "--exports" in answer.json()["error"]["fix"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ids": []},
        {"ids": [10**9]},
        {"ids": [1], "search": "x"},
        {"ids": [1], "format": "pdf"},
        {"ids": [1], "options": {"margin": 11}},
        {"ids": [1], "options": {"overwrite": True}},
    ],
)
def test_what_makes_no_sense_is_refused(client: httpx.Client, fields: dict[str, Any]) -> None:
    assert client.post(f"{API}/exports", json=fields).status_code == 422


def test_a_search_that_is_gone_is_told(client: httpx.Client) -> None:
    assert client.post(f"{API}/exports", json={"search": "none"}).status_code == 404
