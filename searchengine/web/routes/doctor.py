"""Doctor: the environment, the weights and the index, examined on request."""

from __future__ import annotations

from fastapi import APIRouter

from searchengine.web.jobs.requests import DoctorAnswer
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.served import ServedHere

router = APIRouter(tags=["status"])


@router.get("/doctor", responses={200: {"model": DoctorAnswer}})
def doctor(served: ServedHere) -> JsonAnswer:
    """Look at everything; nothing is changed. `status` tells a summary of it from then on."""
    return JsonAnswer(served.examination.look())
