"""Answers that are looked through: how long they are kept, and how deep they go."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from searchengine import Filter, SearchEngine, SearchGone
from searchengine.overview.arrangement import Group, Order
from searchengine.overview.columns import KeptColumns
from searchengine.web.completing import snapshot_of
from searchengine.web.snapshots import Arranging, Snapshot, Snapshots

API = "/api/v1"


def taken(engine: SearchEngine, k: int = 2, words: str = "blue", **wanted: Any) -> Snapshot:
    return snapshot_of(engine.search(words, k), engine, Arranging(**wanted), KeptColumns())


def test_they_are_kept_for_a_time_and_a_number(engine: SearchEngine) -> None:
    now = [0.0]
    kept = Snapshots(seconds=10, most=3, clock=lambda: now[0])
    made = [taken(engine) for _ in range(4)]
    for snapshot in made:
        kept.keep(snapshot)
        now[0] += 1
    assert len({snapshot.id for snapshot in made}) == 4
    assert [kept.of(snapshot.id) for snapshot in made[1:]] == made[1:]
    with pytest.raises(SearchGone):
        kept.of(made[0].id)
    now[0] = 12.5
    assert len(kept) == 1
    small = Snapshots(most_bytes=1)
    for snapshot in made[:2]:
        small.keep(snapshot)
    assert small.of(made[1].id) is made[1]
    assert len(small) == 1


def test_the_total_is_known_before_all_is_ranked(engine: SearchEngine) -> None:
    for words in ("blue", "red or blue", "a red thing left of a blue one"):
        for k in (1, 3, 100):
            snapshot = taken(engine, k, words)
            total, exact = snapshot.total, snapshot.total_is_exact
            snapshot.finish()
            assert exact
            assert total == snapshot.total == len(snapshot.rows.ids)


def test_a_cut_off_leaves_what_is_surer(engine: SearchEngine) -> None:
    everything = taken(engine, 100)
    sure = everything.page(0, 100, engine.reader.catalog).confidences
    for least in (0.001, 0.2, 0.5, float(sure[3]), 1.0):
        for k in (2, 100):
            snapshot = taken(engine, k, least_confidence=least)
            known = snapshot.total
            snapshot.finish()
            assert snapshot.total >= known
            assert snapshot.total_is_exact
            assert (snapshot.rows.confidences >= least).all()
            if k == 100:
                assert snapshot.total == (sure >= least).sum()


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("group", Group)
def test_orders_and_groups_are_of_the_whole_answer(
    engine: SearchEngine, order: Order, group: Group
) -> None:
    snapshot = taken(engine, 2, order=order, group=group)
    snapshot.finish()
    rows = engine.reader.catalog.segments(snapshot.rows.ids.tolist())
    photos = engine.reader.catalog.photos({row.photo_id for row in rows.values()})
    shown = [rows[i] for i in snapshot.rows.ids.tolist()]
    if group is Group.photo:
        assert len({row.photo_id for row in shown}) == len(shown) == len(photos)
    if order is Order.size:
        shares = [row.area / row.frame[0] / row.frame[1] for row in shown]
        assert shares == sorted(shares, reverse=True)
    if order is Order.date:
        dates = [photos[row.photo_id].taken_at for row in shown]
        told = [date for date in dates if date is not None]
        assert told == sorted(told, reverse=True)
        assert dates[: len(told)] == told
        assert len(told) > 1


def test_deep_places_are_told_with_a_confidence(engine: SearchEngine) -> None:
    catalog = engine.reader.catalog
    snapshot = taken(engine, 2)
    snapshot.finish()
    page = snapshot.page(0, 50, catalog)
    assert len(page.ids) == snapshot.total == len(page.confidences)
    assert (np.diff(page.confidences) <= 0).all()
    assert len(snapshot.page(10**9, 50, catalog).ids) == 0


def test_what_failed_while_nobody_waited_is_told(engine: SearchEngine) -> None:
    snapshot = taken(engine, 2)
    assert snapshot.steps is not None
    snapshot.steps.close()
    with pytest.raises(SearchGone, match="brought to an end"):
        snapshot.finish()


def test_all_of_an_answer_is_shown_and_counted_over_the_socket(
    client: httpx.Client, indexed: Any
) -> None:
    asked = {"words": "red", "group": "photo", "order": "date", "limit": 2}
    found = client.post(f"{API}/search", json=asked).json()
    assert (found["total"], len(found["matches"])) == (5, 2)
    assert [match["taken_at"][:4] for match in found["matches"]] == ["2024", "2023"]
    counts = client.get(f"{API}/searches/{found['id']}/facets").json()
    assert counts["dates"] == [
        {"month": "2023-05", "count": 1},
        {"month": "2024-01", "count": 1},
        {"month": None, "count": 3},
    ]
    assert {each["name"]: each["count"] for each in counts["formats"]} == {"JPEG": 4, "PNG": 1}
    plain = client.post(f"{API}/search", json={"words": "red"}).json()
    with SearchEngine.open(indexed) as engine:
        allowed = len(engine.reader.catalog.segment_ids(Filter()))
    assert 5 < plain["total"] <= allowed
    counts = client.get(f"{API}/searches/{plain['id']}/facets").json()
    for name, records in counts.items():
        told = sum(record["count"] for record in records)
        assert told == plain["total"] or (name == "cameras" and told < plain["total"])
    sure = client.post(f"{API}/search", json={"words": "red", "least_confidence": 0.5}).json()
    assert sure["total"] == sum(m["confidence"] >= 0.5 for m in plain["matches"])
