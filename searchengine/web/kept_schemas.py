"""Schemas of what a user keeps: saved searches, history, judgements."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from indexer.user_data.user_data import LONGEST_NAME
from searchengine.web.schemas import MOST_JUDGED, Id, MatchRecord, SearchRequest, Strict, Words

KeptName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class Question(Strict):
    """A question to be saved; its `least_confidence` is what new matches must reach (0: 0.5)."""

    asked: SearchRequest
    least_score: Annotated[float, Field(allow_inf_nan=False)] | None = None


class NamedQuestion(Question):
    """A question to be saved under a name."""

    name: KeptName


class Remembering(Strict):
    """Whether questions are remembered."""

    on: bool


class Judging(Strict):
    """Segments that were judged right or wrong for words."""

    words: Words = ""
    like: Annotated[tuple[Id, ...], Field(max_length=MOST_JUDGED)] = ()
    unlike: Annotated[tuple[Id, ...], Field(max_length=MOST_JUDGED)] = ()


class SavedRecord(BaseModel):
    """A saved search; `request` can be sent to `search` as it stands, `notes` tell what of the
    question this index does not hold."""

    name: str
    said: str
    created_at: str
    least_confidence: float
    least_score: float | None
    query: dict[str, Any]
    seen: dict[str, Any]
    request: dict[str, Any]
    notes: list[str]


class SavedAnswer(BaseModel):
    """The saved searches, by name."""

    searches: list[SavedRecord]


class NewAnswer(BaseModel):
    """What a saved search finds among photos that were added since it was seen."""

    name: str
    since: dict[str, Any]
    until: dict[str, Any]
    photos_added: int
    notes: list[str]
    matches: list[MatchRecord]


class HistoryRecord(BaseModel):
    """A question of the history; `request` can be sent to `search` as it stands."""

    id: int
    at: str
    said: str
    request: dict[str, Any]


class HistoryAnswer(BaseModel):
    """The last questions, the latest first, and whether questions are remembered."""

    on: bool
    questions: list[HistoryRecord]


class JudgementCounts(BaseModel):
    """Numbers of judgements under a name, and what was asked."""

    name: str
    right: int
    wrong: int
    words: list[str]


class FeedbackAnswer(BaseModel):
    """Names that judgements are kept under."""

    feedback: list[JudgementCounts]


class JudgementRecord(BaseModel):
    """A judgement; `segment_id` is null where the index does not hold the segment any more."""

    words: str
    right: bool
    at: str
    photo: str
    segment_id: int | None


class JudgementsAnswer(BaseModel):
    """The judgements under a name, in the order they were made."""

    name: str
    judgements: list[JudgementRecord]


class Forgotten(BaseModel):
    """Number of things that are kept no more."""

    forgotten: int
