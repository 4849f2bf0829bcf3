"""Feedback: judgements that are kept under names."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from searchengine.engine import SearchEngine
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.kept_schemas import (
    FeedbackAnswer,
    Forgotten,
    JudgementsAnswer,
    Judging,
)
from searchengine.web.served import ServedHere

router = APIRouter(tags=["feedback"])
_CLIENT = "feedback"


@router.get("/feedback", responses={200: {"model": FeedbackAnswer}})
async def names(served: ServedHere) -> JsonAnswer:
    """Names that judgements are kept under."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        return {"feedback": [each.to_dict() for each in engine.judgements.all()]}

    return JsonAnswer(await served.engine_thread.ask(_CLIENT, deed))


@router.get("/feedback/{name}", responses={200: {"model": JudgementsAnswer}})
async def judgements(name: str, served: ServedHere) -> JsonAnswer:
    """The judgements under a name."""
    return JsonAnswer(await served.engine_thread.ask(_CLIENT, lambda engine: _told(name, engine)))


@router.post("/feedback/{name}", responses={200: {"model": JudgementsAnswer}})
async def judge(name: str, told: Judging, served: ServedHere) -> JsonAnswer:
    """Keep judgements under a name; a later one of the same segment replaces the former."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        engine.judgements.judge(name, told.words, told.like, told.unlike)
        return _told(name, engine)

    return JsonAnswer(await served.engine_thread.ask(_CLIENT, deed))


@router.delete("/feedback/{name}", responses={200: {"model": Forgotten}})
async def forget(name: str, served: ServedHere) -> JsonAnswer:
    """Forget the judgements under a name."""
    gone = await served.engine_thread.ask(_CLIENT, lambda engine: engine.judgements.remove(name))
    return JsonAnswer({"forgotten": gone})


def _told(name: str, engine: SearchEngine) -> dict[str, Any]:
    catalog = engine.reader.catalog
    kept = [
        (judgement, judgement.segment.segment_in(catalog))
        for judgement in engine.judgements.get(name)
    ]
    return {
        "name": name,
        "judgements": [
            {
                "words": judgement.words,
                "right": judgement.right,
                "at": judgement.at,
                "photo": judgement.segment.path,
                "segment_id": None if row is None else row.id,
            }
            for judgement, row in kept
        ],
    }
