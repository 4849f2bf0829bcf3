"""What Prometheus reads."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

from searchengine import SearchEngine
from searchengine.search.stage_times import recorded_times, timed

API = "/api/v1"


def read(client: httpx.Client) -> dict[tuple[str, ...], float]:
    answer = client.get(f"{API}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *(value for name, value in sample.labels.items() if name != "le")): (
            sample.value
        )
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_and_stages_are_counted(client: httpx.Client) -> None:
    before = read(client)
    assert client.post(f"{API}/search", json={"words": "red"}).status_code == 200
    assert client.get(f"{API}/made/up/by/a/client").status_code == 404
    after = read(client)
    asked = ("segsearch_request_seconds_count", "POST", "/search")
    assert after[asked] == before.get(asked, 0) + 1
    missing = ("segsearch_answers_total", "404")
    assert after[missing] == before.get(missing, 0) + 1
    for stage in ("encode", "recall", "collapse", "calibrate", "search", "describe"):
        key = ("segsearch_stage_seconds_count", stage)
        assert after[key] == before.get(key, 0) + 1, stage
    assert after[("segsearch_loading",)] == after[("segsearch_waiting",)] == 0
    assert "made" not in client.get(f"{API}/metrics").text


def test_stages_are_timed_only_where_somebody_wants_to_know(engine: SearchEngine) -> None:
    @timed("outer")
    def outer() -> int:
        return inner() + inner()

    @timed("inner")
    def inner() -> int:
        return 1

    assert outer() == 2
    with recorded_times() as times:
        assert outer() == 2
        engine.search("red")
    assert times["outer"] >= times["inner"] > 0
    assert {"encode", "recall", "collapse", "calibrate"} <= set(times)
