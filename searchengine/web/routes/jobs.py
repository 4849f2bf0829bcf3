"""Jobs: indexing is begun, and all jobs are followed and stopped."""

from __future__ import annotations

from fastapi import APIRouter

from searchengine.web.jobs.allowed_places import allowed_roots
from searchengine.web.jobs.indexing import Indexing
from searchengine.web.jobs.requests import IndexRequest, JobRecord, JobsAnswer
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.served import ServedHere

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.post("/index", status_code=202, responses={202: {"model": JobRecord}})
def index(asked: IndexRequest, served: ServedHere) -> JsonAnswer:
    """Begin to index folders, in a process of its own."""
    settings = served.settings
    roots = allowed_roots(asked.roots, settings.roots)
    work = Indexing(settings.folder, settings.preset, roots)
    job = served.jobs.submit("index", {"roots": roots}, work)
    return JsonAnswer(job.to_dict(), 202)


@router.get("", responses={200: {"model": JobsAnswer}})
def jobs(served: ServedHere) -> JsonAnswer:
    """All jobs that go on, and those that ended lately."""
    return JsonAnswer({"jobs": [job.to_dict() for job in served.jobs.all()]})


@router.get("/{name}", responses={200: {"model": JobRecord}})
def job(name: str, served: ServedHere) -> JsonAnswer:
    """One job, with the photos that it left out."""
    found = served.jobs.of(name)
    return JsonAnswer(found.to_dict() | {"skipped_photos": found.skipped})


@router.delete("/{name}", responses={200: {"model": JobRecord}})
def stop(name: str, served: ServedHere) -> JsonAnswer:
    """Stop a job; what an indexing has done so far is kept."""
    return JsonAnswer(served.jobs.stop(name).to_dict())
