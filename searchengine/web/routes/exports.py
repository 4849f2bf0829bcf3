"""Exports: matches become files, in a zip or below the folder that the server was started with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from indexer.catalog.catalog_reader import CatalogReader
from model.errors import NotFound, QueryError
from searchengine.engine import SearchEngine
from searchengine.export import Layout
from searchengine.matches.match import Match
from searchengine.matches.matches import Matches
from searchengine.queries.example import no_such_segment
from searchengine.queries.query import AUTO, Query
from searchengine.web.answer_schemas import AnswerRequest
from searchengine.web.answering import answer_to
from searchengine.web.asking import matches_of
from searchengine.web.jobs.allowed_places import export_folder, require_name
from searchengine.web.jobs.exporting import Exporting
from searchengine.web.jobs.job import Job
from searchengine.web.jobs.requests import (
    MOST_IDS,
    Destination,
    ExportAnswer,
    ExportOptions,
    ExportRequest,
)
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.served import Served, ServedHere
from searchengine.web.snapshots import Arranging, Snapshot

router = APIRouter(prefix="/exports", tags=["exports"])
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}
_MOST_TOLD = 2000  # ids that a command line is given


@router.post("", status_code=202, responses={202: {"model": ExportAnswer}})
async def export(asked: ExportRequest, served: ServedHere) -> JsonAnswer:
    """Begin to export a search's matches, those of a question, or segments by their ids."""
    require_name(asked.name)
    folder = None
    if asked.destination is Destination.folder:
        folder = export_folder(asked.name, served.settings.export_folder)
    catalog = served.catalog.reader
    query: Query | None = None
    notes: tuple[str, ...] = ()
    if asked.search is not None:
        query, matches = await _answer(served, asked.search)
    elif asked.question is not None:
        found = await _asked(served, asked.question)
        query, matches, notes = found.asked, found, found.notes
    else:
        matches = await run_in_threadpool(_segments, catalog, asked.ids or ())
    layout = Layout(**dict(asked.options))
    command = None if asked.question else _command(served, asked, query, matches)
    about = {
        "format": str(asked.format),
        "destination": str(asked.destination),
        "name": asked.name,
        "command": command,
        "notes": list(notes),
    }

    def work(job: Job) -> dict[str, Any]:
        zip_file = served.jobs.file_of(job) if folder is None else None
        return Exporting(matches, query, catalog, str(asked.format), layout, folder, zip_file)(job)

    job = served.jobs.submit("export", about, work)
    return JsonAnswer({"job": job.id, "segments": len(matches), "command": command}, 202)


@router.get("/{name}/file", response_class=Response, responses=_ZIP)
def file(name: str, served: ServedHere) -> Response:
    """The zip of an export that is done."""
    job = served.jobs.of(name)
    made = served.jobs.file_of(job)
    if job.kind != "export" or job.state != "done" or not made.is_file():
        raise NotFound("this job has no zip", "wait until it is done, or export again")
    name = f"{job.about['name']}.zip"
    headers = {"Cache-Control": "no-store"}
    return FileResponse(made, headers=headers, media_type="application/zip", filename=name)


async def _answer(served: Served, name: str) -> tuple[Query, Sequence[Match]]:
    """What was asked, and all that answers it, as the command line exports it where it can ask."""
    snapshot = await served.completed(name)
    if not snapshot.total:
        raise QueryError("this search found nothing", "ask another, then export")
    if snapshot.total > MOST_IDS:
        raise QueryError(
            f"{snapshot.total:,} matches are too many for one export",
            "raise the least confidence, or use segsearch export",
        )
    if not _is_plain(snapshot):
        found = await run_in_threadpool(
            lambda: matches_of(snapshot, served.catalog.reader, 0, snapshot.total)
        )
        return snapshot.query, found
    query = replace(snapshot.query, k=snapshot.total, all_duplicates=True)
    answer = await served.engine_thread.ask(name, lambda engine: engine.search(query))
    return query, tuple(answer)


async def _asked(served: Served, question: AnswerRequest) -> Matches:
    """What answers a question; of photos that look the same all, as in every export."""
    whole = question.model_copy(update={"all_duplicates": True})

    def deed(engine: SearchEngine) -> Matches:
        return answer_to(whole, engine, served.catalog, served.uploads)[0]

    return await served.engine_thread.ask(question.client, deed)


def _is_plain(snapshot: Snapshot) -> bool:
    """Whether the command line can ask the same."""
    query, where = snapshot.query, snapshot.query.where
    by_words = query.example is None and not (query.like or query.unlike)
    sayable = (where.photo_ids, where.format) == (None, None)
    return by_words and sayable and snapshot.wanted == Arranging()


def _segments(catalog: CatalogReader, ids: Sequence[int]) -> list[Match]:
    """Segments without scores, in the order of their ids, as `segsearch export --ids` has them."""
    chosen = sorted(set(ids))
    rows = catalog.segments(chosen)
    if lost := [each for each in chosen if each not in rows]:
        raise no_such_segment(lost[0])
    photos = catalog.photos({row.photo_id for row in rows.values()})
    return [
        Match(rank, None, None, photos[rows[each].photo_id], rows[each])
        for rank, each in enumerate(chosen, 1)
    ]


def _command(
    served: Served, asked: ExportRequest, query: Query | None, matches: Sequence[Match]
) -> str | None:
    """The command that writes the same files; None where no command can ask so."""
    words = ["segsearch", "export"]
    if query is None or query.example is not None or not query.all_duplicates:
        if len(matches) > _MOST_TOLD:
            return None
        words += ["--ids", ",".join(str(match.segment_id) for match in matches)]
    else:
        where = query.where
        words += ["-k", str(query.k)]
        for negative in query.negatives:
            words += ["--not", f"{negative.weight:g}:{negative.words}"]
        given = {
            "--in": where.path_glob,
            "--after": where.after and where.after.isoformat(" "),
            "--before": where.before and where.before.isoformat(" "),
            "--camera": where.camera,
            "--min-area": where.min_area or None,
            "--max-area": None if where.max_area == 1 else where.max_area,
            "--near": where.near and ",".join(map(str, where.near)),
            "--neighbours": query.neighbours or None,
            "--language": None if query.language == AUTO else query.language,
        }
        for place in where.places:
            words += ["--place", place]
        for flag, value in given.items():
            words += [] if value is None else [flag, str(value)]
    words += ["--format", str(asked.format), *_flags(asked.options)]
    words += ["--index", str(served.settings.folder), "--output", asked.name]
    if query is not None and "--ids" not in words:
        words += ["--", query.words]
    return shlex.join(words)


def _flags(options: ExportOptions) -> list[str]:
    flags = ["--raw-frame"] if options.raw_frame else []
    flags += ["--polygons"] if options.polygons else []
    flags += ["--margin", f"{options.margin:g}"] if options.margin else []
    return flags + (["--val", f"{options.val:g}"] if options.val else [])
