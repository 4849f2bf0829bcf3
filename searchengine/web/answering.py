"""Answering: a question as the command line asks it, answered in one piece."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from searchengine.engine import SearchEngine
from searchengine.matches.matches import Matches
from searchengine.queries.example import Example
from searchengine.queries.query import Query
from searchengine.web.answer_schemas import AnswerRequest
from searchengine.web.asking import example_of, filter_of, negatives_of, vector_of
from searchengine.web.schemas import ExampleField
from searchengine.web.shared_catalog import SharedCatalog
from searchengine.web.uploads.store import UploadStore


def answer_to(
    asked: AnswerRequest, engine: SearchEngine, catalog: SharedCatalog, uploads: UploadStore
) -> tuple[Matches, list[Example]]:
    """The matches that answer a request, and the example that it is asked by, if it is kept.

    Raises:
        NotFound: a photo, a segment or an upload that is named is not there.
        QueryError, PhotoError: nothing can be asked by it.
    """
    said: dict[str, Any] = {
        "negatives": negatives_of(asked),
        "where": filter_of(asked.where),
        **{
            name: getattr(asked, name)
            for name in ("k", "per_photo", "neighbours", "collapse", "all_duplicates", "language")
        },
    }
    examples = []
    if asked.example is None:
        query = Query(
            words=asked.words, refer=asked.refer, like=asked.like, unlike=asked.unlike, **said
        )
        found = engine.search(query).above(asked.least_confidence)
    elif asked.example.upload is not None:
        vector = vector_of(asked.example, engine, catalog, uploads)
        found = engine.search(Query(example=vector, **said))
    else:
        examples = [example_of(asked.example, catalog)]
        found = engine.similar(examples[0], **said)
    if asked.example is not None and asked.example.name is not None:
        found = replace(found, query=_called(asked.example, asked.example.name))
    return found.ordered(asked.order), examples


def answer_record(matches: Matches, document: dict[str, Any]) -> dict[str, Any]:
    """A document with the lines beside it; an `AnswerRecord` of the schemas."""
    return {
        "document": document,
        "notes": list(matches.notes),
        "reading": matches.reading,
    }


def _called(field: ExampleField, name: str) -> str:
    """The question by an example, told with the name that the client has for its photo."""
    at = None if field.point is None else (field.point[0], field.point[1])
    x, y, w, h = field.box or (0.0, 0.0, 0.0, 0.0)
    return str(Example(Path(name), at, None if field.box is None else (x, y, w, h)))
