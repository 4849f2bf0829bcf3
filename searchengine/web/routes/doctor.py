"""Doctor: the environment, the weights and the index, examined on request."""

from __future__ import annotations

import threading

from fastapi import APIRouter

from model.errors import ServerBusy
from searchengine.doctor import examine
from searchengine.web.jobs.requests import DoctorAnswer
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.served import ServedHere

router = APIRouter(tags=["status"])
_one_at_a_time = threading.Lock()


@router.get("/doctor", responses={200: {"model": DoctorAnswer}})
def doctor(served: ServedHere) -> JsonAnswer:
    """Look at everything; nothing is changed."""
    if not _one_at_a_time.acquire(blocking=False):
        raise ServerBusy("an examination goes on already", "ask again when it is done")
    try:
        return JsonAnswer(examine(served.settings.folder).to_dict())
    finally:
        _one_at_a_time.release()
