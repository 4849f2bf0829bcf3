"""Saved searches, history and judgements over the socket."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

from searchengine import Options, SearchEngine

API = "/api/v1"


@pytest.fixture
def folder(indexed: Path, tmp_path: Path) -> Path:
    """A copy of the tiny index, to be changed."""
    ignored = shutil.ignore_patterns("user.sqlite*")
    return Path(shutil.copytree(indexed, tmp_path / "index", ignore=ignored))


@pytest.fixture
def own(serving: Callable[..., Any], folder: Path) -> Iterator[httpx.Client]:
    """A client of a server over that copy."""
    with serving(folder=folder) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def told(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def asked(client: httpx.Client, **fields: Any) -> list[dict[str, Any]]:
    matches: list[dict[str, Any]] = told(client.post(f"{API}/search", json=fields))["matches"]
    return matches


def add_photo(folder: Path, place: Path) -> None:
    """A new photo with something red."""
    place.mkdir()
    picture = Image.new("RGB", (320, 240), (128, 128, 128))
    ImageDraw.Draw(picture).ellipse((90, 60, 220, 200), fill=(220, 20, 20))
    picture.save(place / "later.png")
    with SearchEngine.open(folder) as engine:
        engine.index(place, options=Options(jobs=1))


def test_a_search_is_saved_opened_again_and_tells_what_is_new(
    own: httpx.Client, folder: Path, tmp_path: Path
) -> None:
    (red,) = asked(own, words="red", limit=1)
    question = {
        "words": "red", "negatives": [{"words": "blue"}], "where": {"path_glob": "*"},
        "like": [red["segment_id"]],
    }  # fmt: skip
    made = told(own.post(f"{API}/saved", json={"name": "reds", "asked": question}))
    assert (made["name"], made["least_confidence"]) == ("reds", 0.5)
    assert made["request"]["like"] == [red["segment_id"]]
    assert asked(own, **made["request"]) == asked(own, **question, least_confidence=0.5)
    taken = told(own.post(f"{API}/saved", json={"name": "reds", "asked": question}), 409)
    assert taken["error"]["kind"] == "NameTaken"
    where = {"near": [48.2, 16.4, 5], "places": ["left"]}
    narrow = {"words": "red", "language": "en", "where": where}
    near = told(own.put(f"{API}/saved/reds", json={"asked": narrow}))["request"]
    assert {name: near[name] for name in narrow} == narrow
    again = {"asked": {"words": "red", "least_confidence": 0.6}}
    assert told(own.put(f"{API}/saved/reds", json=again))["least_confidence"] == 0.6
    assert told(own.get(f"{API}/saved"))["searches"] == [told(own.get(f"{API}/saved/reds"))]
    assert told(own.get(f"{API}/saved/reds/new"))["photos_added"] == 0
    add_photo(folder, tmp_path / "more")
    new = told(own.get(f"{API}/saved/reds/new"))
    assert new["photos_added"] == 1
    assert [Path(match["photo"]).name for match in new["matches"]] == ["later.png"]
    assert told(own.get(f"{API}/saved/reds/new"))["photos_added"] == 1
    told(own.post(f"{API}/saved/reds/seen", json={}))
    assert told(own.get(f"{API}/saved/reds/new"))["photos_added"] == 0
    assert told(own.delete(f"{API}/saved/reds")) == {"forgotten": 1}
    gone = told(own.get(f"{API}/saved/reds"), 404)
    assert gone["error"]["kind"] == "NameUnknown"
    example = {"asked": {"examples": [{"segment": red["segment_id"]}]}}
    liked = told(own.put(f"{API}/saved/like it", json=example))
    assert liked["request"]["examples"] == [{"segment": red["segment_id"]}]
    assert liked["least_score"] is not None
    told(own.put(f"{API}/saved/x", json={"asked": {}}), 422)


def test_questions_are_remembered_until_that_is_turned_off(own: httpx.Client) -> None:
    (red,) = asked(own, words="red", limit=1)
    asked(own, examples=[{"segment": red["segment_id"]}], limit=1)
    for _ in range(200):  # they are written while nobody asks
        found = told(own.get(f"{API}/history"))
        if len(found["questions"]) == 2:
            break
        time.sleep(0.05)
    last, first = found["questions"]
    assert (found["on"], first["said"]) == (True, "red")
    assert last["request"]["examples"] == [{"segment": red["segment_id"]}]
    assert asked(own, **first["request"], limit=1) == [red]
    assert told(own.put(f"{API}/history", json={"on": False})) == {"on": False}
    assert told(own.delete(f"{API}/history"))["forgotten"] >= 2
    asked(own, words="blue")
    time.sleep(0.2)
    assert told(own.get(f"{API}/history")) == {"on": False, "questions": []}


def test_judgements_refine_a_search_and_are_kept(own: httpx.Client) -> None:
    first = asked(own, words="red")
    best, worst = first[0]["segment_id"], first[-1]["segment_id"]
    left = asked(own, words="red", like=[best], unlike=[worst])
    assert left
    assert not {match["segment_id"] for match in left} & {best, worst}
    body = {"words": "red", "like": [best], "unlike": [worst]}
    kept = told(own.post(f"{API}/feedback/reds", json=body))
    verdicts = {each["segment_id"]: each["right"] for each in kept["judgements"]}
    assert verdicts == {best: True, worst: False}
    assert told(own.get(f"{API}/feedback/reds")) == kept
    (counts,) = told(own.get(f"{API}/feedback"))["feedback"]
    assert (counts["name"], counts["right"], counts["wrong"]) == ("reds", 1, 1)
    assert told(own.delete(f"{API}/feedback/reds")) == {"forgotten": 2}
    told(own.get(f"{API}/feedback/reds"), 404)
    told(own.post(f"{API}/feedback/reds", json={"like": [999999]}), 422)
    told(own.post(f"{API}/search", json={"words": "red", "like": [1], "unlike": [1]}), 422)
