"""Columns, facets, orders and groups, each compared with what is worked out one by one."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog.columns import PhotoColumns, SegmentColumns
from indexer.catalog.photo_ninths import NINTHS
from indexer.catalog.records import Watermark
from searchengine import Options, SearchEngine
from searchengine.overview.arrangement import Group, Order, arranged
from searchengine.overview.bursts import bursts
from searchengine.overview.columns import IndexColumns, KeptColumns
from searchengine.overview.facets import SIZES, facets
from searchengine.overview.looks import Look


def painted_columns(n: int, seed: int = 0, first: int = 1) -> IndexColumns:
    """Columns of n segments in about n / 3 photos that nobody took."""
    rng = np.random.default_rng(seed)
    p = max(n // 3, 1)
    counts = np.bincount(rng.integers(0, p, n), minlength=p)
    firsts = first + np.cumsum(counts) - counts
    taken = np.datetime64("2024-01-01", "s") + rng.integers(0, 10**7, p).astype("m8[s]")
    taken[rng.random(p) < 0.3] = np.datetime64("NaT")
    photos = PhotoColumns(
        np.arange(10, 10 + p), firsts, counts, taken, rng.integers(-(2**63), 2**63, p),
        ("One", "Two"), rng.integers(-1, 2, p).astype(np.int32),
        ("JPEG", "PNG"), rng.integers(0, 2, p).astype(np.int32),
        ("/a", "/a/b", "/c"), rng.integers(0, 3, p).astype(np.int32),
    )  # fmt: skip
    segments = SegmentColumns(
        np.arange(first, first + n),
        np.repeat(photos.ids, counts),
        rng.random(n).astype(np.float32) ** 4,
        rng.random((n, 2)).astype(np.float32),
    )
    return IndexColumns(Watermark("x", 1, "y"), photos, segments)


@given(st.integers(1, 60), st.integers(0, 99), st.sampled_from([1, 100_000]))
def test_facets_count_what_is_counted_one_by_one(n: int, seed: int, first: int) -> None:
    columns = painted_columns(n, seed, first)
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.arange(first, first + n))[: rng.integers(0, n + 1)]
    looks = {"colours": Look(("red", "blue"), rng.integers(-1, 2, n).astype(np.int8))}
    found = facets(np.append(ids, [first + n + 7]), columns, looks)
    photos, counted = columns.photos, {name: Counter[object]() for name in found}
    for i in (ids - first).tolist():
        photo = int(np.flatnonzero(photos.ids == columns.segments.photo_ids[i])[0])
        taken = photos.taken[photo].item()
        counted["dates"][taken and f"{taken:%Y-%m}"] += 1
        counted["folders"][photos.folders[photos.folder[photo]]] += 1
        if photos.camera[photo] >= 0:
            counted["cameras"][photos.cameras[photos.camera[photo]]] += 1
        counted["formats"][photos.formats[photos.format[photo]]] += 1
        area = float(columns.segments.areas[i])
        counted["sizes"][max(low for low in SIZES[:-1] if low == 0 or area >= np.float32(low))] += 1
        if looks["colours"].codes[i] >= 0:
            counted["colours"][looks["colours"].names[looks["colours"].codes[i]]] += 1
        x, y = columns.segments.centres[i].tolist()
        counted["places"][NINTHS[3 * int(y * 3) + int(x * 3)]] += 1
    for name, records in found.items():
        told = {next(iter(record.values())): record["count"] for record in records}
        assert told == counted[name], name


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("group", Group)
def test_orders_and_groups_are_those_of_a_naive_one(order: Order, group: Group) -> None:
    columns = painted_columns(60, 3)
    ids = np.random.default_rng(1).permutation(np.arange(1, 61))
    sets = np.arange(len(columns.photos)) // 4
    found = arranged(ids, columns, order, group, sets)
    seen = set[int]()
    shown = []
    for place, i in enumerate(ids.tolist()):
        photo = int(columns.photo_places[i - 1])
        one = {Group.segment: i, Group.photo: photo, Group.burst: int(sets[photo])}[group]
        if one not in seen:
            seen.add(one)
            taken = columns.photos.taken[photo].item()
            age = -taken.timestamp() if taken else float("inf")
            key = {Order.relevance: 0, Order.date: age}.get(order, -columns.segments.areas[i - 1])
            shown.append((key, place))
    assert found.tolist() == [place for _, place in sorted(shown, key=lambda pair: pair[0])]


def test_bursts_are_what_follows_fast_or_looks_alike() -> None:
    start = datetime(2024, 5, 1)
    moments = [0, 2, 4, 60, 61, 200, 300, 400, 3]
    taken = np.array([start + timedelta(seconds=s) for s in moments], "datetime64[s]")
    hashes = np.random.default_rng(0).integers(-(2**63), 2**63, 9)
    hashes[5], hashes[6], hashes[7] = 0x0F0F, 0x0F0E, 0x0F0D
    p = len(moments)
    photos = PhotoColumns(
        np.arange(p) + 1, np.ones(p, np.int64), np.ones(p, np.int64), taken, hashes,
        ("One", "Two"), np.array([0, 0, 0, 0, 0, 0, 0, 0, 1], np.int32),
        ("JPEG",), np.zeros(p, np.int32), ("/",), np.zeros(p, np.int32),
    )  # fmt: skip
    found = bursts(photos, lambda one, other: 0.5 if 8 in (one, other) else 1.0)
    sets: dict[int, list[int]] = {}
    for photo, number in enumerate(found.tolist()):
        sets.setdefault(number, []).append(photo)
    assert sorted(sets.values()) == [[0, 1, 2], [3, 4], [5, 6], [7], [8]]


def test_columns_are_mended_as_an_index_grows(photos: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(photos, tmp_path / "photos")
    late = folder / "2024"
    late.rename(tmp_path / "late")
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(folder, options=Options(jobs=1))
        kept = KeptColumns()
        before = kept.of(engine.reader.catalog)
        assert kept.of(engine.reader.catalog) is before
        (tmp_path / "late").rename(late)
        (folder / "green.jpg").unlink()
        engine.index(folder, options=Options(jobs=1, prune=True))
        mended, anew = (k.of(engine.reader.catalog) for k in (kept, KeptColumns()))
        assert mended.segments.ids.tolist() == engine.reader.catalog.segment_ids().tolist()
        for name, column in vars(anew.segments).items():
            np.testing.assert_array_equal(getattr(mended.segments, name), column)
        assert mended.photos.ids.tolist() == anew.photos.ids.tolist()
