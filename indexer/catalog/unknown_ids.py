"""The errors for ids that an index does not have."""

from __future__ import annotations

from model.errors import QueryError

_HINT = "take an id from a search's answer"


def unknown_photo(photo_id: int) -> QueryError:
    """The error for a photo that is not there, to be raised."""
    return QueryError(f"the index has no photo {photo_id}", _HINT)


def unknown_segment(segment_id: int) -> QueryError:
    """The error for a segment that is not there, to be raised."""
    return QueryError(f"the index has no segment {segment_id}", _HINT)
