"""Uploads: photos to search by that are not in the index."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.concurrency import run_in_threadpool

from model.masks.segments import Segments
from searchengine.engine import SearchEngine
from searchengine.web.json_answer import JsonAnswer
from searchengine.web.records import outline
from searchengine.web.schemas import UploadAnswer
from searchengine.web.served import ServedHere
from searchengine.web.uploads.decoding import decoded_upload
from searchengine.web.uploads.store import Upload

router = APIRouter(tags=["search"])


@router.post("/uploads", responses={200: {"model": UploadAnswer}})
async def upload(
    content: Annotated[bytes, Body(media_type="image/*")], served: ServedHere
) -> JsonAnswer:
    """Show a photo to search by: a body of 32 MB and 50 megapixels at the most."""
    async with served.decoding:
        image = await run_in_threadpool(decoded_upload, content)

    def deed(engine: SearchEngine) -> Segments:
        side = engine.preset.image_side
        return engine.models.segmenter.segment(image.reduced(side))

    found = Upload(image, await served.engine_thread.ask("uploads", deed))
    served.uploads.keep(found)
    segments = found.segments
    return JsonAnswer(
        {
            "id": found.id,
            "size": list(image.original_size),
            "segments": [
                _record(segments, number, image.original_size) for number in range(len(segments))
            ],
        }
    )


def _record(segments: Segments, number: int, size: tuple[int, int]) -> dict[str, Any]:
    parent = int(segments.parents[number])
    x0, y0, x1, y1 = segments.boxes[number].tolist()
    return {
        "ordinal": number,
        "parent": None if parent < 0 else parent,
        "quality": round(float(segments.quality[number]), 4),
        **outline(
            segments.counts[number],
            segments.size,
            (x0, y0, x1, y1),
            int(segments.areas[number]),
            size,
        ),
    }
