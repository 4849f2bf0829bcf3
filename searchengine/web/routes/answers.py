"""Answers in one piece, as the command line prints them: masks are of the photos' full size."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import APIRouter

from searchengine.engine import SearchEngine
from searchengine.matches.matches import Matches
from searchengine.queries.example import Example
from searchengine.web.answer_schemas import AnswerRecord, AnswerRequest, SavedRequest
from searchengine.web.answering import answer_record, answer_to
from searchengine.web.engine_thread import Steps
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.served import ServedHere

router = APIRouter(prefix="/answers", tags=["answers"])
log = logging.getLogger("segsearch")


@router.post("", responses={200: {"model": AnswerRecord}})
async def answer(asked: AnswerRequest, served: ServedHere) -> JsonAnswer:
    """Ask by words, judgements, or an example."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        found, examples = answer_to(asked, engine, served.catalog, served.uploads)
        served.engine_thread.later(f"answered {id(found)}", _remembering(engine, found, examples))
        return answer_record(found, found.to_dict(asked.explain))

    return JsonAnswer(await served.engine_thread.ask(asked.client, deed))


@router.post("/saved", responses={200: {"model": AnswerRecord}})
async def saved(asked: SavedRequest, served: ServedHere) -> JsonAnswer:
    """Ask a saved search again."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        found = engine.saved.run(asked.name, mark=asked.mark)
        return answer_record(found, {"name": asked.name, **found.to_dict()})

    record = await served.engine_thread.ask("answers", deed)
    if asked.mark:
        served.events.tell("saved", {"name": asked.name})
    return JsonAnswer(record)


@router.post("/new", responses={200: {"model": AnswerRecord}})
async def new(asked: SavedRequest, served: ServedHere) -> JsonAnswer:
    """Ask what a saved search finds among photos that were added since it was seen."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        found = engine.saved.new(asked.name, mark=asked.mark)
        return answer_record(found.matches, found.to_dict())

    record = await served.engine_thread.ask("answers", deed)
    if asked.mark:
        served.events.tell("saved", {"name": asked.name})
    return JsonAnswer(record)


def _remembering(engine: SearchEngine, found: Matches, examples: list[Example]) -> Steps:
    if line := engine.history.remember(found, examples):
        log.warning("%s", line)
    yield
