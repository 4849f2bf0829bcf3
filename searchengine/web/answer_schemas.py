"""Schemas of whole answers, as the command line prints them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, StrictInt, model_validator

from searchengine.overview.arrangement import Order
from searchengine.queries.query import MOST
from searchengine.web.kept_schemas import KeptName
from searchengine.web.schemas import Asked, Client, ExampleField, Share, Strict


class AnswerRequest(Asked):
    """A question with all that `segsearch search` and `segsearch similar` take; one by an example
    has no words."""

    example: ExampleField | None = None
    k: Annotated[StrictInt, Field(ge=1, le=MOST)] = 20
    per_photo: Annotated[StrictInt, Field(ge=1)] | None = None
    collapse: bool = True
    all_duplicates: bool = False
    refer: bool | None = None
    order: Order = Order.relevance
    least_confidence: Share = 0.0
    explain: bool = False
    client: Client = ""

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if self.example is not None and (self.words or self.like or self.unlike or self.refer):
            raise ValueError("an example is asked by alone, or with negatives")
        return self


class SavedRequest(Strict):
    """A saved search to be asked; with `mark`, what is shown counts as seen."""

    name: KeptName
    mark: bool = False


class AnswerRecord(BaseModel):
    """An answer: the document that `--json` prints, and the lines that stand beside a table.

    `notes` tell how the question was read and what was left out, `reading` what `--explain` tells.
    """

    document: dict[str, Any]
    notes: list[str]
    reading: list[str]
