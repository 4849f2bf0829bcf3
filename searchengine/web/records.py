"""Records of matches, photos and segments, as the API's JSON has them.

Masks stay in the working frame that they were made in, some thousand pixels wide at the most: a
browser stretches them over the photo, and nobody waits for outlines at full resolution.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from indexer.catalog.records import PhotoRow, SegmentRow
from searchengine.matches.match import Match
from searchengine.photos.photo_pixels import is_missing


def match_record(match: Match) -> dict[str, Any]:
    """A match as the page shows it; a `MatchRecord` of the schemas."""
    origin = match.segment.origin
    taken_at = match.photo.taken_at
    return {
        "rank": match.rank,
        "score": None if match.score is None else round(match.score, 4),
        "confidence": None if match.confidence is None else round(match.confidence, 4),
        "photo": match.photo.path,
        "photo_id": match.photo.id,
        "missing": match.missing,
        "segment_id": match.segment_id,
        "proposed": match.proposed,
        "origin": None if origin is None else asdict(origin),
        **_outline(match.segment, match.photo.size),
        "merged": list(match.merged),
        "duplicates": list(match.duplicates),
        "taken_at": None if taken_at is None else taken_at.isoformat(),
        "frame_size": list(match.photo.size),
    }


def segment_record(segment: SegmentRow, size: tuple[int, int]) -> dict[str, Any]:
    """A segment of a photo of that (height, width); a `SegmentRecord` of the schemas."""
    return {
        "segment_id": segment.id,
        "ordinal": segment.ordinal,
        "parent_id": segment.parent_id,
        "quality": round(segment.quality, 4),
        **_outline(segment, size),
    }


def photo_record(photo: PhotoRow, segment_count: int) -> dict[str, Any]:
    """A photo of the index; a `PhotoRecord` of the schemas."""
    return {
        "id": photo.id,
        "path": photo.path,
        "size": list(photo.size),
        "taken_at": None if photo.taken_at is None else photo.taken_at.isoformat(),
        "camera": photo.camera,
        "latitude": photo.latitude,
        "longitude": photo.longitude,
        "format": photo.format,
        "files": list(photo.files),
        "segment_count": segment_count,
        "missing": is_missing(photo),
    }


def outline(
    counts: bytes,
    frame: tuple[int, int],
    box: tuple[float, float, float, float],
    area: int,
    size: tuple[int, int],
) -> dict[str, Any]:
    """Box and area in pixels of the upright photo, and the mask in its own frame.

    They may differ by a pixel of the frame from those of the mask at the photo's full size.

    Args:
        counts: run lengths.
        frame: (height, width) of the frame that the mask, its box and its area are in, pixels.
        box: XYXY.
        area: pixels of the frame.
        size: (height, width) of the photo, pixels.
    """
    down, across = size[0] / frame[0], size[1] / frame[1]
    left, top, right, bottom = (
        round(side * scale) for side, scale in zip(box, (across, down, across, down), strict=True)
    )
    return {
        "bbox": [left, top, max(right - left, 1), max(bottom - top, 1)],
        "area": round(area * down * across),
        "segmentation": {"size": list(frame), "counts": counts.decode("ascii")},
    }


def _outline(segment: SegmentRow, size: tuple[int, int]) -> dict[str, Any]:
    return outline(segment.counts, segment.frame, segment.box, segment.area, size)
