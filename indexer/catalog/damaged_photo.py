"""The error for a photo whose rows are not what they should be."""

from __future__ import annotations

from model.errors import IndexDamaged

NO_FILE = "has no file"
OTHER_SEGMENTS = "has other segments than it says"
LACKS_VECTOR = "lacks a vector"
WRONG_MASKS = "has masks that are not what they were"
WRONG_WHOLE = "has a segment that is part of nothing in it"
WRONG_BOX = "has a box outside of it"
WRONG_VECTOR = "has a vector that is not what it was"
TO_MEND = "segsearch doctor --fix drops it, then index its folder again"


def damaged_photo(photo_id: object, fault: str) -> IndexDamaged:
    """The error, to be raised: what is wrong with a photo, and what mends it."""
    return IndexDamaged(f"photo {photo_id} of the index {fault}", TO_MEND)
