"""Segments of the index as pictures: cut out, and as masks."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path
from starlette.responses import Response

from searchengine.matches.match import Match
from searchengine.pictures.image_bytes import png
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.records import match_record
from searchengine.web.schemas import MatchRecord
from searchengine.web.served import Served, ServedHere

router = APIRouter(prefix="/segments", tags=["segments"])
SegmentId = Annotated[int, Path(ge=0)]
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


@router.get("/{segment_id}", responses={200: {"model": MatchRecord}})
def segment(segment_id: SegmentId, served: ServedHere) -> JsonAnswer:
    """A segment as a match without a score."""
    return JsonAnswer(match_record(_match(segment_id, served)))


@router.get("/{segment_id}/cutout", response_class=Response, responses=_PNG)
def cutout(segment_id: SegmentId, served: ServedHere) -> Response:
    """A segment alone: RGBA, cropped to its box, transparent around it."""
    return _picture(png(_match(segment_id, served).cutout()))


@router.get("/{segment_id}/mask", response_class=Response, responses=_PNG)
def mask(segment_id: SegmentId, served: ServedHere) -> Response:
    """A segment's mask at the size of the upright photo: 255 where it is, else 0."""
    return _picture(png(_match(segment_id, served).mask().astype(np.uint8) * 255))


def _match(segment_id: int, served: Served) -> Match:
    row = served.catalog.segment(segment_id)
    return Match(1, None, None, served.catalog.photo(row.photo_id), row)


def _picture(content: bytes) -> Response:
    headers = {"Cache-Control": "private, max-age=300"}
    return Response(content, headers=headers, media_type="image/png")
