"""Requests for jobs, and the answers to them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from indexer.export_formats import Format
from searchengine.export.layout import MOST_MARGIN
from searchengine.web.answer_schemas import AnswerRequest
from searchengine.web.schemas import LONGEST_NAME, Id, Strict

MOST_ROOTS = 100
MOST_IDS = 100_000


class IndexRequest(Strict):
    """Folders to be indexed; each lies in one that the server was started with."""

    roots: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)], ...],
        Field(min_length=1, max_length=MOST_ROOTS),
    ]


class Destination(StrEnum):
    """Places that an export goes to."""

    zip = "zip"
    folder = "folder"


class ExportOptions(Strict):
    """Choices about the files, as those of `segsearch export`."""

    raw_frame: bool = False
    polygons: bool = False
    margin: Annotated[float, Field(ge=0, le=MOST_MARGIN, allow_inf_nan=False)] = 0.0
    val: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0


class ExportRequest(Strict):
    """Matches to be exported: those of a search, those that answer a question, as the command line
    asks it, or segments by their ids."""

    search: Annotated[str, Field(max_length=64)] | None = None
    question: AnswerRequest | None = None
    ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MOST_IDS)] | None = None
    format: Format = Format.masks
    options: ExportOptions = ExportOptions()
    destination: Destination = Destination.zip
    name: Annotated[str, Field(min_length=1, max_length=200)] = "matches"

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if sum(each is not None for each in (self.search, self.question, self.ids)) != 1:
            raise ValueError("name a search, or give a question, or ids")
        return self


class JobRecord(BaseModel):
    """One job; `skipped` counts photos that were left out."""

    model_config = ConfigDict(extra="allow")

    id: str
    kind: str
    state: str
    done: int
    total: int | None
    seconds_left: float | None
    message: str
    last: str | None
    summary: dict[str, Any] | None
    error: dict[str, str] | None
    skipped: int
    created: float
    started: float | None
    ended: float | None


class JobsAnswer(BaseModel):
    """All jobs, the oldest first."""

    jobs: list[JobRecord]


class ExportAnswer(BaseModel):
    """Export that was begun: its job, number of segments, and the command that does the same."""

    job: str
    segments: int
    command: str | None


class DoctorAnswer(BaseModel):
    """Findings of an examination."""

    healthy: bool
    facts: dict[str, str]
    problems: list[str]
    fixed: list[str]
