"""Whole photos: judged before anything is done with them, and compared by their checksums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from indexer.catalog import whole_photos
from indexer.catalog.records import Origin
from indexer.catalog.whole_photos import WholePhotos, groups
from model.errors import IndexDamaged


@pytest.fixture
def whole(made: ModuleType) -> WholePhotos:
    """Photos 7 and 8, of four and three segments."""
    first, second = (
        WholePhotos.of(made.made_photo(number), made.made_stamp(number)) for number in (4, 3)
    )
    joined = {
        name: np.concatenate([a, b]) if isinstance(a, np.ndarray) else [*a, *b]
        for name in vars(first)
        if name != "origins"
        for a, b in [(getattr(first, name), getattr(second, name))]
    }
    joined["rows"] = [replace(row, id=7 + place) for place, row in enumerate(joined["rows"])]
    return WholePhotos(**joined, origins={6: made.ORIGIN})


def put(array: Any, place: Any, value: Any) -> Any:
    """The column with another value at a place."""
    changed = array.copy()
    changed[place] = value
    return changed


CHANGES: dict[str, Callable[[WholePhotos], dict[str, Any]]] = {
    "masks that are not": lambda w: {"areas": put(w.areas, 5, w.areas[5] + 1)},
    "masks that": lambda w: {"counts": put(w.counts, 5, b"14")},
    "part of nothing": lambda w: {"parents": put(w.parents, 5, 3)},
    "part of nothing in": lambda w: {"parents": put(w.parents, 5, 1)},
    "part of nothing in it": lambda w: {"parents": put(w.parents, 5, -2)},
    "a box outside": lambda w: {"boxes": put(w.boxes, 5, b"\1\0\1\0\0\0\2\0")},
    "a box": lambda w: {"boxes": put(w.boxes, 5, b"12345")},
    "no quality": lambda w: {"quality": put(w.quality, 5, np.nan)},
    "a vector that": lambda w: {"vectors": put(w.vectors, (5, slice(None)), 3)},
    "a vector": lambda w: {"photo_vectors": put(w.photo_vectors, (1, slice(None)), -128)},
}


@pytest.mark.parametrize("said", CHANGES)
def test_what_is_not_sound_is_told_of_its_photo(whole: WholePhotos, said: str) -> None:
    whole.require_sound()
    with pytest.raises(IndexDamaged, match=f"^photo 8 of the index has .*{said}") as error:
        replace(whole, **CHANGES[said](whole)).require_sound()
    assert "\n" not in str(error.value)


def test_whatever_differs_changes_the_checksum_of_its_photo_alone(whole: WholePhotos) -> None:
    before = whole.checksums()
    first, second = (row.content_hash for row in whole.rows)
    changes = [change(whole) for change in CHANGES.values()]
    changes += [
        {"frames": put(whole.frames, (1, 0), 99)},
        {"seconds": put(whole.seconds, 1, 99)},
        {"origins": {6: Origin("another", "ab")}},
        {"origins": {}},
        *({"rows": [whole.rows[0], replace(whole.rows[1], **{name: value})]} for name, value in (
            ("format", "PNG"), ("size", (1, 2)), ("orientation", 6), ("camera", "K"),
            ("taken_at", datetime(2020, 1, 1)), ("taken_offset", 1), ("taken_source", "exif"),
            ("latitude", 0.5), ("longitude", 0.5), ("perceptual_hash", 0), ("pixel_digest", b"p"),
            ("stamps", ()),
        )),
    ]  # fmt: skip
    for change in changes:
        after = replace(whole, **change).checksums()
        assert (after[first], after[second]) != (before[first], before[second]), change
        assert after[first] == before[first], change
    other_ids = [replace(row, id=1, path="", files=()) for row in whole.rows]
    assert replace(whole, rows=other_ids).checksums() == before


def test_photos_are_left_out_with_all_that_is_theirs(whole: WholePhotos) -> None:
    first, second = (row.content_hash for row in whole.rows)
    assert whole.without({b""}) is whole
    for known, left in ((first, second), (second, first)):
        rest = whole.without({known})
        rest.require_sound()
        assert rest.checksums() == {left: whole.checksums()[left]}
    assert len(whole.without({first, second})) == 0


def test_groups_are_as_large_as_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_photos, "SEGMENTS_AT_ONCE", 5)
    many = [2, 3, 0, 1, 9, 0, 5, 1]
    found = [many[some] for some in groups(many)]
    assert found == [[2, 3, 0], [1], [9], [0, 5], [1]]
    assert list(groups([])) == []
