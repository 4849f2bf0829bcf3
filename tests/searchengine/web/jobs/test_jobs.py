"""Jobs over the socket: an indexing from its beginning to its end, stopped, refused and queued."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from indexer.index import Index
from indexer.lock import WriterLock

API = "/api/v1"


def paint(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (96, 72), (40 * number % 250, 90, 200))
    picture.paste((220, 20, 20), (10, 10, 40 + number, 50))
    picture.save(path)
    return path


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    folder.mkdir()
    return folder


@pytest.fixture
def client(serving: Callable[..., Any], tmp_path: Path, allowed: Path) -> Iterator[httpx.Client]:
    """A client of a server without an index yet."""
    settings = {"folder": tmp_path / "index", "preset": "colours", "roots": (allowed,)}
    with serving(**settings) as address, httpx.Client(base_url=address, timeout=120) as opened:
        yield opened


def begun(client: httpx.Client, *roots: object) -> dict[str, Any]:
    answer = client.post(f"{API}/jobs/index", json={"roots": [str(root) for root in roots]})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def ended(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    return until(client, job, lambda told: told["ended"])


def until(
    client: httpx.Client, job: dict[str, Any], condition: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    for _ in range(4000):
        told: dict[str, Any] = client.get(f"{API}/jobs/{job['id']}").json()
        if condition(told):
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def test_photos_are_indexed_found_and_told(client: httpx.Client, allowed: Path) -> None:
    paint(allowed / "trip" / "a.png", 1)
    paint(allowed / "trip" / "b.png", 2)
    (allowed / "trip" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n none")
    assert client.get(f"{API}/status").json()["counts"] is None
    told: list[tuple[str, dict[str, Any]]] = []
    with client.stream("GET", f"{API}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        job = begun(client, allowed / "trip")
        name = ""
        for line in lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                told.append((name, json.loads(line.removeprefix("data: "))))
                if name == "generation" and told[-1][1]["photos"] == 2:
                    break
    done = ended(client, job)
    assert (done["state"], done["done"], done["total"]) == ("done", 3, 3)
    assert (done["summary"]["added"], done["message"]) == (2, "2 added, 1 skipped")
    (skipped,) = done["skipped_photos"]
    assert (Path(skipped["path"]).name, skipped["kind"]) == ("broken.png", "PhotoUnreadable")
    states = [event["state"] for name, event in told if name == "job"]
    assert states[0] == "waiting"
    assert "running" in states
    assert client.get(f"{API}/jobs").json()["jobs"][0]["id"] == job["id"]
    answer = client.post(f"{API}/search", json={"words": "red"})
    assert {Path(match["photo"]).name for match in answer.json()["matches"]} == {"a.png", "b.png"}
    assert client.get(f"{API}/status").json()["counts"]["photos"] == 2
    assert client.get(f"{API}/status").json()["doctor"] is None
    examined = client.get(f"{API}/doctor").json()
    told = client.get(f"{API}/status").json()["doctor"]
    assert told["healthy"] is examined["healthy"]
    assert told["problems"] == examined["problems"]
    assert time.time() - 60 < told["at"] <= time.time()
    assert examined["facts"]["thumbnails"] == "2 of 2 photos"


def test_a_stopped_indexing_keeps_what_is_done(
    client: httpx.Client, allowed: Path, tmp_path: Path
) -> None:
    for number in range(400):
        paint(allowed / f"{number}.png", number)
    first = begun(client, allowed)
    second = begun(client, allowed)
    assert second["state"] == "waiting"
    assert client.delete(f"{API}/jobs/{second['id']}").json()["state"] == "stopped"
    running = until(client, first, lambda told: told["done"] >= 5 or told["ended"])
    assert running["state"] == "running"
    assert running["seconds_left"] is None or running["seconds_left"] > 0
    assert client.delete(f"{API}/jobs/{first['id']}").json()["state"] in ("stopping", "stopped")
    told = ended(client, first)
    assert told["state"] == "stopped"
    with WriterLock(tmp_path / "index"), Index.open(tmp_path / "index") as index:
        assert 5 <= index.catalog.counts().photos < 400
        assert index.catalog.check(full=True) == []


def test_another_writer_is_told(client: httpx.Client, allowed: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    with WriterLock(tmp_path / "index"):
        told = ended(client, begun(client, allowed))
    assert told["state"] == "failed"
    assert told["error"]["kind"] == "IndexLocked"
    assert str(os.getpid()) in told["error"]["what"]


@pytest.mark.parametrize(
    "root",
    [
        "{}/..",
        "{}/../secret",
        "{}/link",
        "/",
        "/etc",
        "trip",
        "{}/trip/../../secret",
        "{}\0x",
        "//",
    ],
)
def test_only_folders_below_the_roots_are_indexed(
    client: httpx.Client, allowed: Path, root: str
) -> None:
    secret = allowed.with_name("secret")
    paint(secret / "a.png", 1)
    (allowed / "trip").mkdir()
    (allowed / "link").symlink_to(secret)
    answer = client.post(f"{API}/jobs/index", json={"roots": [root.format(allowed)]})
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["kind"] == "RequestRefused"
    assert client.get(f"{API}/jobs").json() == {"jobs": []}


def test_a_folder_that_is_missing_is_told(client: httpx.Client, allowed: Path) -> None:
    answer = client.post(f"{API}/jobs/index", json={"roots": [f"{allowed}/none"]})
    assert (answer.status_code, answer.json()["error"]["kind"]) == (404, "RootMissing")


def test_without_roots_nothing_is_indexed(address: str, photos: Path) -> None:
    with httpx.Client(base_url=address) as client:
        answer = client.post(f"{API}/jobs/index", json={"roots": [str(photos)]})
        assert answer.status_code == 403
        assert "--root" in answer.json()["error"]["fix"]
        assert client.get(f"{API}/jobs/none").status_code == 404
        assert client.delete(f"{API}/jobs/none").status_code == 404


def test_the_end_of_the_server_ends_its_jobs(
    serving: Callable[..., Any], tmp_path: Path, allowed: Path
) -> None:
    for number in range(300):
        paint(allowed / f"{number}.png", number)
    settings = {"folder": tmp_path / "index", "preset": "colours", "roots": (allowed,)}
    with serving(**settings) as address, httpx.Client(base_url=address, timeout=120) as client:
        until(client, begun(client, allowed), lambda told: told["done"] > 2)
    with WriterLock(tmp_path / "index"):
        shutil.rmtree(allowed)
