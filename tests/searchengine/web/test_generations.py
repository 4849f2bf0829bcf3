"""A server over an index that grows, or is made anew, while it is asked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from searchengine import Options, SearchEngine, ServerBusy
from searchengine.web.json_answer import RETRY_SECONDS, answer_to

API = "/api/v1"


def remove(folder: Path) -> None:
    """Remove a folder that a server may be writing to: the history comes after the answer."""
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{folder} comes again and again")


def test_what_is_indexed_meanwhile_is_found(
    serving: Callable[..., Any], photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "index"

    def index(*names: str) -> None:
        with SearchEngine.open(folder, preset="colours") as engine:
            engine.index(*(photos / name for name in names), options=Options(jobs=1))

    with (
        serving(folder=folder, preset="colours") as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):

        def found(words: str) -> list[str]:
            answer = client.post(f"{API}/search", json={"words": words, "group": "photo"})
            assert answer.status_code == 200, answer.text
            return sorted(Path(match["photo"]).name for match in answer.json()["matches"])

        assert client.get(f"{API}/status").json()["counts"] is None
        index("green.jpg")
        assert found("red") == ["green.jpg"]
        first = client.get(f"{API}/status").json()
        index("2024")
        assert found("red") == ["green.jpg", "two.jpg"]
        second = client.get(f"{API}/status").json()
        assert second["generation"] > first["generation"]
        assert second["counts"]["photos"] == 2
        old = client.post(f"{API}/search", json={"words": "red"}).json()
        remove(folder)
        index("yellow.png")
        assert found("red") == ["yellow.png"]
        assert client.get(f"{API}/status").json()["counts"]["photos"] == 1
        page = client.get(f"{API}/searches/{old['id']}", params={"limit": 500})
        assert page.status_code == 200  # whatever is left of it
        assert client.get(f"{API}/searches/{old['id']}/facets").status_code == 200


def test_who_is_sent_away_is_told_when_to_come_back() -> None:
    answer = answer_to(ServerBusy("16 questions wait already", "ask again in a while"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, str(RETRY_SECONDS))
