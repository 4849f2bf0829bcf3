"""Looks of segments, read from vectors, mended as an index grows, and counted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np

from indexer.catalog.records import Watermark
from model.embedders.attributes.joint_space import (
    ATTRIBUTES,
    CLASS_DIMENSIONS,
    joined_segments,
    unit,
)
from model.embedders.attributes.seen_looks import LOOKS
from searchengine.overview.looks import KeptLooks, Look, read_looks

COLOURS = LOOKS["colours"].names


class Vectors:
    """A catalog that holds segments of one colour each, read a few at a time."""

    def __init__(self) -> None:
        self.held: dict[int, str] = {}
        self.generation = 0
        self.read = 0

    def hold(self, **changes: Any) -> None:
        self.held.update(changes.get("more", {}))
        for gone in changes.get("gone", ()):
            del self.held[gone]
        self.generation += 1

    @property
    def watermark(self) -> Watermark:
        return Watermark("one", self.generation, "r")

    def has_passed(self, watermark: Watermark) -> bool:
        return watermark.generation <= self.generation

    def snapshot(self) -> Any:
        return nullcontext()

    def segment_ids(self) -> np.ndarray:
        return np.array(sorted(self.held), np.int64)

    def vector_blocks(self, after: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        ids = [each for each in sorted(self.held) if each > after]
        for start in range(0, len(ids), 2):
            some = ids[start : start + 2]
            self.read += len(some)
            parts = [np.zeros((len(some), each.words.dimension), np.float32) for each in ATTRIBUTES]
            for row, each in zip(parts[0], some, strict=True):
                row[COLOURS.index(self.held[each])] = 1
            parts[2][:, LOOKS["materials"].names.index("wood")] = 1
            meanings = unit(np.ones((len(some), 8), np.float32))
            yield (
                np.array(some, np.int64),
                joined_segments(
                    meanings, parts, np.zeros((len(meanings), CLASS_DIMENSIONS), np.float32)
                ),
            )


def seen(looks: dict[str, Look], kind: str) -> list[str]:
    return [looks[kind].names[code] for code in looks[kind].codes.tolist()]


def test_only_what_is_new_is_read_again() -> None:
    catalog = Vectors()
    catalog.hold(more={3: "red", 4: "blue", 9: "red"})
    first = read_looks(catalog)
    assert seen(first.looks, "colours") == ["red", "blue", "red"]
    assert seen(first.looks, "materials") == ["wood"] * 3
    catalog.hold(more={12: "green"}, gone=[4])
    later = read_looks(catalog, first)
    assert (later.ids.tolist(), catalog.read) == ([3, 9, 12], 4)
    assert seen(later.looks, "colours") == ["red", "red", "green"]
    catalog.generation = 0  # a copy was put back
    assert read_looks(catalog, later).ids.tolist() == [3, 9, 12]
    assert catalog.read == 7


def test_nobody_waits_for_them_and_vectors_that_tell_none_are_not_read() -> None:
    catalog = Vectors()
    catalog.hold(more={1: "red"})
    columns = SimpleNamespace(watermark=catalog.watermark)
    for tells in (True, False):
        kept = KeptLooks(lambda tells=tells: tells)
        found = kept.of(columns, catalog)
        assert found == {}
        for _ in range(200 if tells else 5):
            if found := kept.of(columns, catalog):
                break
            time.sleep(0.01)
        assert bool(found) is tells
    assert catalog.read == 1
