"""History: the last questions, shown, turned off and wiped."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from indexer.user_data.user_data import MOST_HISTORY
from searchengine.engine import SearchEngine
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.kept_requests import request_of
from searchengine.web.kept_schemas import Forgotten, HistoryAnswer, Remembering
from searchengine.web.served import ServedHere

router = APIRouter(tags=["history"])
_CLIENT = "history"


@router.get("/history", responses={200: {"model": HistoryAnswer}})
async def history(
    served: ServedHere, limit: Annotated[int, Query(ge=1, le=MOST_HISTORY)] = 50
) -> JsonAnswer:
    """The last questions, the latest first."""

    def deed(engine: SearchEngine) -> dict[str, Any]:
        catalog, kept = engine.reader.catalog, engine.history
        questions = [
            {
                "id": each.id,
                "at": each.at,
                "said": str(each.question),
                "request": request_of(each.question, catalog)[0],
            }
            for each in kept.all(limit)
        ]
        return {"on": kept.on, "questions": questions}

    return JsonAnswer(await served.engine_thread.ask(_CLIENT, deed))


@router.delete("/history", responses={200: {"model": Forgotten}})
async def clear(served: ServedHere) -> JsonAnswer:
    """Forget all questions, so that no byte of them is left."""
    gone = await served.engine_thread.ask(_CLIENT, lambda engine: engine.history.clear())
    return JsonAnswer({"forgotten": gone})


@router.put("/history", responses={200: {"model": Remembering}})
async def turn(told: Remembering, served: ServedHere) -> JsonAnswer:
    """Say whether questions are remembered from now on; those that are stay."""
    await served.engine_thread.ask(_CLIENT, lambda engine: engine.history.turn(told.on))
    return JsonAnswer({"on": told.on})
