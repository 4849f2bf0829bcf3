"""Choice of a corpus' photos that get proposals, besides their annotated segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from model.datasets.corpus import AnnotatedPhoto
from model.datasets.pairs import BOX_KIND, PHOTO_KIND


def proposal_photos(
    photos: Sequence[AnnotatedPhoto], most: int = 10, *, every: bool = False
) -> list[int]:
    """Numbers of the photos whose proposals are worth their time.

    Of each source and split at most `most` with named masks, thrice as many of the held-out ones,
    which the calibration is fitted on, and half as many of those without.

    Args:
        photos: photos of the corpus.
        most: limit of each source and split.
        every: whether all photos of `val` are looked at, so that names are asked of all of them.
    """
    taken: Counter[tuple[str, str]] = Counter()
    chosen = []
    for number, photo in enumerate(photos):
        if every and photo.split == "val":
            chosen.append(number)
            continue
        named = any(pair.kind not in (PHOTO_KIND, BOX_KIND) for pair in photo.pairs)
        if not named and photo.split == "val":
            continue
        key = (photo.source, photo.split)
        limit = most // 2 if not named else 3 * most if photo.split == "holdout" else most
        if taken[key] < limit:
            taken[key] += 1
            chosen.append(number)
    return chosen
