from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import QueryError
from searchengine import Filter, Negative, Query, SearchEngine
from searchengine.user_data.kept_query import KeptQuery, described
from searchengine.user_data.kept_segment import KeptSegment


@pytest.fixture
def record(engine: SearchEngine) -> dict[str, Any]:
    """A question with all that one can have, as JSON has it."""
    ids = engine.reader.catalog.segment_ids().tolist()
    query = Query(
        words="red", negatives=(Negative("blue"),),
        where=Filter(camera="acme", after="2023", max_area=0.9, near=(48.1, 11.5, 3.0)),
        like=(ids[1],), unlike=(ids[2],),
    )  # fmt: skip
    photo = engine.reader.catalog.photos([1])[1]
    vector = engine.reader.catalog.photo_vector(1)
    whole = KeptSegment.of(photo, None, vector, engine.reader.catalog.manifest.space)
    kept = KeptQuery.of(query, engine.reader, [whole])
    told: dict[str, Any] = json.loads(json.dumps(kept.to_dict()))
    return told


def test_a_question_comes_back_as_it_was_written(
    record: dict[str, Any], engine: SearchEngine
) -> None:
    again = KeptQuery.from_dict(record)
    assert again.to_dict() == record
    query, notes = again.asked(engine.reader)
    assert (query.words, len(query.like), len(query.unlike), notes) == ("red", 1, 1, ())
    assert described(record) == str(again)
    assert "without blue" in str(again)
    assert "camera: acme" in str(again)
    assert "vector" not in json.dumps(again.to_dict(vectors=False))


def places(record: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to all values of a record."""
    inner = record.items() if isinstance(record, dict) else enumerate(record)
    found = []
    for key, value in inner:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.just([]), st.just({}), st.just("A" * 20), st.just(10**30), st.just([{"x": 1}]),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data(), junk=JUNK)
def test_whatever_stands_in_a_record_it_is_understood_or_refused(
    record: dict[str, Any], engine: SearchEngine, data: st.DataObject, junk: object
) -> None:
    harmed = copy.deepcopy(record)
    *path, last = data.draw(st.sampled_from(places(record)))
    inner: Any = harmed
    for key in path:
        inner = inner[key]
    inner[last] = junk
    told = ""
    try:
        kept = KeptQuery.from_dict(harmed)
        kept.asked(engine.reader)
        json.dumps(kept.to_dict())
    except QueryError as error:
        told = str(error)
    assert "\n" not in told
    assert described(harmed)


@pytest.mark.parametrize("record", [None, [], 5, "x", {}, {"words": ""}, {"version": 2}])
def test_what_is_no_question_is_refused(record: object) -> None:
    with pytest.raises(QueryError):
        KeptQuery.from_dict(record)


def test_a_mask_is_found_again_in_another_frame(engine: SearchEngine) -> None:
    catalog = engine.reader.catalog
    (match,) = engine.search("green", k=1)
    vector = catalog.vectors_of([match.segment_id])[0]
    kept = KeptSegment.of(match.photo, match.segment, vector, catalog.manifest.space)
    found = kept.segment_in(catalog)
    assert found is not None
    assert found.id == match.segment_id
    record = kept.to_dict()
    from model.masks import resizing

    frame = (match.segment.frame[0] // 2, match.segment.frame[1] // 2)
    smaller = resizing.resize_mask(match.segment.counts, match.segment.frame, frame)
    record["segmentation"] = {"size": list(frame), "counts": smaller.decode()}
    other = KeptSegment.from_dict(record)
    again = other.segment_in(catalog)
    assert again is not None
    assert again.id == match.segment_id
    assert other.item != kept.item
    assert KeptSegment.from_dict(kept.to_dict()).item == kept.item
    record["content_hash"] = "00" * 32
    record["pixel_digest"] = None
    assert KeptSegment.from_dict(record).segment_in(catalog) is None
    assert np.allclose(KeptSegment.from_dict(record).vector, vector, atol=1e-3)


def test_a_photo_whose_file_was_edited_is_known_by_its_pixels(engine: SearchEngine) -> None:
    (match,) = engine.search("green", k=1)
    catalog = engine.reader.catalog
    vector = catalog.vectors_of([match.segment_id])[0]
    record = KeptSegment.of(
        match.photo, match.segment, vector, catalog.manifest.space
    ).to_dict() | {"content_hash": "00" * 32}
    row = KeptSegment.from_dict(record).segment_in(catalog)
    assert row is not None
    assert row.id == match.segment_id
