"""Searches: asked, and looked through afterwards."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from searchengine.engine import SearchEngine
from searchengine.web.asking import matches_of, query_of, snapshot_of
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

router = APIRouter(tags=["search"])


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
    found = await run_in_threadpool(
        lambda: [
            match_record(match)
            for match in matches_of(snapshot, served.catalog.reader, offset, limit)
        ]
    )
    return JsonAnswer({"offset": offset, "total": len(snapshot), "matches": found})


async def _answer(asked: SearchRequest, served: Served) -> dict[str, Any]:
    def deed(engine: SearchEngine) -> dict[str, Any]:
        started = time.perf_counter()
        query = query_of(asked, engine, served.catalog)
        generation = engine.reader.catalog.generation
        found = engine.search(query)
        snapshot = snapshot_of(found, generation)
        served.snapshots.keep(snapshot)
        told = found.to_dict()
        return {
            "id": snapshot.id,
            "total": len(snapshot),
            "total_is_exact": True,
            "confident": found.confident,
            "understood": told["understood"],
            "not_understood": told["not_understood"],
            "notes": list(found.notes),
            "generation": generation,
            "seconds": round(time.perf_counter() - started, 4),
            "matches": [match_record(match) for match in found[: asked.limit]],
        }

    return await served.engine_thread.ask(asked.client, deed, newest_only=bool(asked.client))
