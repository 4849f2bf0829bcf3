"""Photos of the index: what is known of them, their pixels and their segments."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import FileResponse, Response

from indexer.catalog.records import PhotoRow
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.photo_bytes import file_as_it_is, upright_jpeg
from searchengine.web.records import photo_record, segment_record
from searchengine.web.schemas import PhotoRecord, SegmentsAnswer, Width
from searchengine.web.served import ServedHere

router = APIRouter(prefix="/photos", tags=["photos"])
PhotoId = Annotated[int, Path(ge=0)]
SECONDS_FRESH = 300
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


@router.get("/{photo_id}", responses={200: {"model": PhotoRecord}})
def photo(photo_id: PhotoId, served: ServedHere) -> JsonAnswer:
    """What is known of a photo."""
    row = served.catalog.photo(photo_id)
    return JsonAnswer(photo_record(row, len(served.catalog.reader.segments_of(photo_id))))


@router.get("/{photo_id}/segments", responses={200: {"model": SegmentsAnswer}})
def segments(photo_id: PhotoId, served: ServedHere) -> JsonAnswer:
    """The segments of a photo, with their masks."""
    row = served.catalog.photo(photo_id)
    rows = served.catalog.reader.segments_of(photo_id)
    return JsonAnswer({"segments": [segment_record(each, row.size) for each in rows]})


@router.get("/{photo_id}/thumb", response_class=Response, responses=_JPEG)
def thumb(
    photo_id: PhotoId,
    request: Request,
    served: ServedHere,
    w: Annotated[Width, Query(description="Longer side at the most, pixels.")] = Width.small,
) -> Response:
    """A photo made small, upright."""
    row = served.catalog.photo(photo_id)
    headers = _cached(row, f"{w.value}")
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    content = served.thumbnails.of(row, w.value)
    return Response(content, headers=headers, media_type="image/jpeg")


@router.get("/{photo_id}/image", response_class=Response, responses=_JPEG)
def image(photo_id: PhotoId, request: Request, served: ServedHere) -> Response:
    """A photo in full, upright: its file where a browser shows that right, else a JPEG of it."""
    row = served.catalog.photo(photo_id)
    headers = _cached(row, "full")
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if (file := file_as_it_is(row)) is not None:
        content, kind = file
        if isinstance(content, bytes):
            return Response(content, headers=headers, media_type=kind)
        return FileResponse(content, headers=headers, media_type=kind)
    return Response(upright_jpeg(row), headers=headers, media_type="image/jpeg")


def _cached(photo: PhotoRow, kind: str) -> dict[str, str]:
    return {
        "ETag": f'"{photo.content_hash.hex()[:32]}-{kind}"',
        "Cache-Control": f"private, max-age={SECONDS_FRESH}",
    }
