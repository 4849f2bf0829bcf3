"""Saved searches: kept under names, and asked what is new."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from searchengine.engine import SearchEngine
from searchengine.web.asking import example_of, query_of
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.kept_requests import saved_record
from searchengine.web.kept_schemas import (
    Forgotten,
    NamedQuestion,
    NewAnswer,
    Question,
    SavedAnswer,
    SavedRecord,
)
from searchengine.web.records import match_record
from searchengine.web.served import Served, ServedHere

router = APIRouter(tags=["saved"])
_CLIENT = "saved"


@router.get("/saved", responses={200: {"model": SavedAnswer}})
async def all_saved(served: ServedHere) -> JsonAnswer:
    """All saved searches, by name."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        return {"searches": [saved_record(each, engine.reader) for each in engine.saved.all()]}

    return JsonAnswer(await served.engine_thread.ask(_CLIENT, deed))


@router.post("/saved", responses={200: {"model": SavedRecord}})
async def save(told: NamedQuestion, served: ServedHere) -> JsonAnswer:
    """Save a search under a name that no other has; what the index holds now counts as seen."""
    return JsonAnswer(await _saved(told.name, told, served, overwrite=False))


@router.get("/saved/{name}", responses={200: {"model": SavedRecord}})
async def one_saved(name: str, served: ServedHere) -> JsonAnswer:
    """One saved search."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        return saved_record(engine.saved.get(name), engine.reader)

    return JsonAnswer(await served.engine_thread.ask(_CLIENT, deed))


@router.put("/saved/{name}", responses={200: {"model": SavedRecord}})
async def save_again(name: str, told: Question, served: ServedHere) -> JsonAnswer:
    """Save a search in the place of the one of that name, if there is one."""
    return JsonAnswer(await _saved(name, told, served, overwrite=True))


@router.delete("/saved/{name}", responses={200: {"model": Forgotten}})
async def forget(name: str, served: ServedHere) -> JsonAnswer:
    """Forget one saved search."""
    await served.engine_thread.ask(_CLIENT, lambda engine: engine.saved.remove(name))
    served.events.tell("saved", {"name": name})
    return JsonAnswer({"forgotten": 1})


@router.get("/saved/{name}/new", responses={200: {"model": NewAnswer}})
async def new(name: str, served: ServedHere) -> JsonAnswer:
    """What it finds among photos that were added since it was seen; they stay new."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        found = engine.saved.new(name, mark=False)
        return {
            "name": name,
            "since": found.search.seen.to_dict(),
            "until": found.until.to_dict(),
            "photos_added": found.photos,
            "notes": list(found.matches.notes),
            "matches": [match_record(match) for match in found.matches],
        }

    return JsonAnswer(await served.engine_thread.ask(_CLIENT, deed))


@router.post("/saved/{name}/seen", responses={200: {"model": SavedRecord}})
async def seen(name: str, served: ServedHere) -> JsonAnswer:
    """Let all that the index holds now count as seen."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        engine.saved.mark(name)
        return saved_record(engine.saved.get(name), engine.reader)

    record = await served.engine_thread.ask(_CLIENT, deed)
    served.events.tell("saved", {"name": name})
    return JsonAnswer(record)


async def _saved(name: str, told: Question, served: Served, *, overwrite: bool) -> dict[str, Any]:
    def deed(engine: SearchEngine) -> dict[str, Any]:
        made = engine.saved.add(
            name,
            query_of(told.asked, engine, served.catalog, served.uploads),
            examples=[example_of(each, served.catalog) for each in told.asked.examples],
            least_confidence=told.asked.least_confidence or None,
            least_score=told.least_score,
            overwrite=overwrite,
        )
        return saved_record(made, engine.reader)

    record = await served.engine_thread.ask(_CLIENT, deed)
    served.events.tell("saved", {"name": name})
    return record
