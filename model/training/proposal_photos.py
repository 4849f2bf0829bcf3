"""Which photos of a corpus get proposals, besides their annotated segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from model.training.pairs import BOX_KIND, PHOTO_KIND, AnnotatedPhoto


def proposal_photos(
    photos: Sequence[AnnotatedPhoto], train: int = 120, unnamed: int = 8
) -> list[int]:
    """Numbers of the photos whose proposals are worth their time.

    All photos with named masks that are not trained on, `train` of each source that are, and
    `unnamed` held-out and trained photos of each source that has none.
    """
    taken: Counter[tuple[str, str]] = Counter()
    chosen = []
    for number, photo in enumerate(photos):
        named = any(pair.kind not in (PHOTO_KIND, BOX_KIND) for pair in photo.pairs)
        limit = (train if photo.split == "train" else None) if named else unnamed
        if not named and photo.split == "val":
            continue
        key = (photo.source, photo.split)
        if limit is None or taken[key] < limit:
            taken[key] += 1
            chosen.append(number)
    return chosen
