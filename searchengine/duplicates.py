"""Duplicates: files of one content, and photos that look the same, across a whole index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.filter import Filter
from indexer.catalog.records import PhotoRow
from searchengine.search.collapse import HASH_BITS, LOOKALIKE

BANDS = HASH_BITS + 1  # of hashes that differ in fewer bits, one band at least is the same
AT_ONCE = 1 << 22  # pairs that are compared together


@dataclass(frozen=True)
class DuplicateGroup:
    """Photos that look the same, as a search lets them count once.

    Attributes:
        photos: at least one; the largest first, of these the one that was taken first. A photo
            alone has several files of one content.
    """

    photos: tuple[PhotoRow, ...]

    @property
    def best(self) -> str:
        """File that stands for all."""
        return self.photos[0].path

    @property
    def others(self) -> tuple[str, ...]:
        """All other files, as they follow."""
        files = (file for photo in self.photos for file in (photo.path, *photo.files))
        return tuple(dict.fromkeys(file for file in files if file != self.best))

    def to_dict(self) -> dict[str, Any]:
        """The group as the command line's JSON has it."""
        return {
            "best": self.best,
            "photos": [
                {
                    "photo_id": photo.id,
                    "size": list(photo.size),
                    "taken_at": photo.taken_at.isoformat() if photo.taken_at else None,
                    "files": list(photo.files),
                }
                for photo in self.photos
            ],
        }


def duplicates(catalog: CatalogReader, where: Filter | None = None) -> Iterator[DuplicateGroup]:
    """Groups of photos that look the same, by the id of their first photo.

    Two photos do if their perceptual hashes differ in at most `HASH_BITS` bits, and the cosine of
    their vectors is at least `LOOKALIKE`; what looks like one of a group belongs to it.

    Args:
        catalog: catalog of the index.
        where: conditions; a photo of which no segment meets them is left out.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    columns = catalog.photo_columns()
    allowed = np.ones(len(columns.ids), np.bool_)
    if where is not None and where != Filter():
        allowed = _allowed(catalog.segment_ids(where), columns.first_segments)
    ids, hashes = columns.ids[allowed], columns.hashes[allowed]
    pairs = _believed(catalog, ids, near_pairs(hashes, HASH_BITS))
    size = (len(ids), len(ids))
    linked = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=size)
    count, group = connected_components(linked, directed=False)
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(count + 1))
    members = [ids[order[bounds[n] : bounds[n + 1]]] for n in range(count)]
    for photo_ids in sorted(members, key=lambda some: int(some[0])):
        photos = catalog.photos(photo_ids.tolist()).values()
        if len(photos) > 1 or any(len(photo.files) > 1 for photo in photos):
            yield DuplicateGroup(tuple(sorted(photos, key=_merit)))


def near_pairs(hashes: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """M×2 places of hashes that differ in at most so many bits, the lower place first.

    Hashes that differ in fewer bits than there are bands have a band in common (pigeonhole
    principle): only those of one band are compared.

    Args:
        hashes: N int64, of 64 bits each.
        bits: at most 6.
    """
    unsigned = hashes.view(np.uint64)
    found = [np.zeros((0, 2), np.int64)]
    for band in np.array_split(np.arange(64, dtype=np.uint64), bits + 1):
        width = np.uint64(len(band))
        key = (unsigned >> band[0]) & ((np.uint64(1) << width) - np.uint64(1))
        order = np.argsort(key, kind="stable")
        for one, other in _together(key[order]):
            first, second = order[one], order[other]
            near = np.bitwise_count(unsigned[first] ^ unsigned[second]) <= bits
            found.append(np.stack([first[near], second[near]], axis=1))
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs, axis=0)


def _together(key: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Places of all pairs of equal keys, keys being sorted; so many pairs at once."""
    end = np.searchsorted(key, key, side="right")
    after = end - np.arange(len(key)) - 1  # equal keys that follow each
    start = 0
    total = np.concatenate([[0], np.cumsum(after)])
    while start < len(key):
        stop = max(int(np.searchsorted(total, total[start] + AT_ONCE, side="right")) - 1, start + 1)
        count = after[start:stop]
        one = np.repeat(np.arange(start, stop), count)
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        yield one, one + 1 + step
        start = stop


def _allowed(segments: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which photos have one of these segments, by the id of the first segment of each."""
    order = np.argsort(first, kind="stable")
    owner = order[np.searchsorted(first[order], segments, side="right") - 1]
    allowed = np.zeros(len(first), np.bool_)
    allowed[owner] = True
    return allowed


def _believed(
    catalog: CatalogReader, ids: NDArray[np.int64], pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Those of the pairs whose photos' vectors are alike, too."""
    vector = cache(catalog.photo_vector)
    alike = [
        float(vector(int(ids[one])) @ vector(int(ids[other]))) >= LOOKALIKE
        for one, other in pairs.tolist()
    ]
    return pairs[np.array(alike, np.bool_)]


def _merit(photo: PhotoRow) -> tuple[int, bool, str, int]:
    taken = photo.taken_at
    height, width = photo.size
    return -height * width, taken is None, taken.isoformat() if taken else "", photo.id
