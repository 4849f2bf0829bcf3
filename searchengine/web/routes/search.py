"""Searches: asked, and looked through afterwards."""

from __future__ import annotations

import logging
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from indexer.catalog.catalog_reader import CatalogReader
from searchengine.engine import SearchEngine
from searchengine.matches.matches import Matches
from searchengine.overview.facets import facets
from searchengine.search.stage_times import recorded_times, timed
from searchengine.web.asking import example_of, found_by, matches_of
from searchengine.web.completing import snapshot_of
from searchengine.web.engine_thread import Steps
from searchengine.web.facet_schemas import FacetsAnswer
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.records import match_record
from searchengine.web.schemas import (
    MOST_SHOWN,
    MatchesAnswer,
    SearchAnswer,
    SearchRequest,
    SimilarTo,
)
from searchengine.web.served import Served, ServedHere
from searchengine.web.snapshots import Arranging, Snapshot

router = APIRouter(tags=["search"])
log = logging.getLogger("segsearch")


@router.post("/search", responses={200: {"model": SearchAnswer}})
async def search(asked: SearchRequest, served: ServedHere) -> JsonAnswer:
    """Ask by words, examples, judgements, or several of them."""
    return JsonAnswer(await _answer(asked, served))


@router.post("/similar", responses={200: {"model": SearchAnswer}})
async def similar(asked: SimilarTo, served: ServedHere) -> JsonAnswer:
    """Ask by one example, and whatever else a search can have."""
    fields = dict(asked)
    example = fields.pop("example")
    return JsonAnswer(
        await _answer(
            SearchRequest.model_construct(
                **{**fields, "examples": (example, *asked.examples)},
            ),
            served,
        )
    )


@router.get("/searches/{name}", responses={200: {"model": MatchesAnswer}})
async def matches(
    name: str,
    served: ServedHere,
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = 60,
) -> JsonAnswer:
    """Some of the matches of a search that was asked within the last ten minutes."""
    snapshot = served.snapshots.of(name)
    if not snapshot.knows(offset, limit):
        snapshot = await served.completed(name)

    def told() -> dict[str, Any]:
        found = matches_of(snapshot, served.catalog.reader, offset, limit)
        return {
            "offset": offset,
            "total": snapshot.total,
            "total_is_exact": snapshot.total_is_exact,
            "matches": [match_record(match) for match in found],
        }

    return JsonAnswer(await run_in_threadpool(told))


@router.get("/searches/{name}/facets", responses={200: {"model": FacetsAnswer}})
async def answer_facets(name: str, served: ServedHere) -> JsonAnswer:
    """What all matches of a search are made of."""
    snapshot = await served.completed(name)

    def told() -> dict[str, Any]:
        catalog = served.catalog.reader
        columns = served.columns.of(catalog)
        return facets(snapshot.rows.ids, columns, served.looks.of(columns, catalog))

    return JsonAnswer(await run_in_threadpool(told))


@timed("describe")
def described(snapshot: Snapshot, catalog: CatalogReader, limit: int) -> list[dict[str, Any]]:
    """The first matches of a snapshot as records."""
    return [match_record(match) for match in matches_of(snapshot, catalog, 0, limit)]


async def _answer(asked: SearchRequest, served: Served) -> dict[str, Any]:
    def deed(engine: SearchEngine) -> dict[str, Any]:
        with recorded_times() as times:
            answer = told_by(engine)
        times["search"] = answer["seconds"]
        served.metrics.stages(times)
        return answer

    def told_by(engine: SearchEngine) -> dict[str, Any]:
        started = time.perf_counter()
        found = found_by(asked, engine, served.catalog, served.uploads)
        wanted = Arranging(asked.order, asked.group, asked.least_confidence)
        snapshot = snapshot_of(found, engine, wanted, served.columns)
        if not snapshot.knows(0, min(asked.limit, snapshot.total)):
            snapshot.finish()
        served.snapshots.keep(snapshot)
        if snapshot.steps is not None:
            served.engine_thread.later(asked.client or snapshot.id, snapshot.steps)
        steps = _remembering(asked, found, served, engine)
        served.engine_thread.later(f"history {asked.client or snapshot.id}", steps)
        told = found.to_dict()
        first = described(snapshot, engine.reader.catalog, asked.limit)
        return {
            "id": snapshot.id,
            "total": snapshot.total,
            "total_is_exact": snapshot.total_is_exact,
            "confident": found.confident,
            "understood": told["understood"],
            "not_understood": told["not_understood"],
            "notes": list(found.notes),
            "generation": snapshot.generation,
            "seconds": round(time.perf_counter() - started, 4),
            "matches": first,
        }

    return await served.engine_thread.ask(asked.client, deed, newest_only=bool(asked.client))


def _remembering(
    asked: SearchRequest, found: Matches, served: Served, engine: SearchEngine
) -> Steps:
    """Put a question into the history once nobody waits; of a client's hasty ones the last."""
    examples = [example_of(each, served.catalog) for each in asked.examples if each.upload is None]
    if line := engine.history.remember(found, examples):
        log.warning("%s", line)
    yield
