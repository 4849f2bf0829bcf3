"""Keep: proposals that are shown become segments of the index, one transaction a photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog import Catalog
from indexer.catalog.records import AddedSegments, Origin, SegmentRow
from indexer.index import Index
from indexer.lock import WriterLock
from model.embeddings import Embeddings
from model.errors import PhotoChanged, PhotoError, shown
from model.masks import rle
from model.proposals.novelty import EQUAL
from searchengine.matches.match import Match
from searchengine.photos.photo_pixels import require_unchanged
from searchengine.photos.segment_rows import as_segments
from searchengine.search.propose import Completed

Vectors = Mapping[int, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class _Kept:
    """What became of a photo's segments.

    Attributes:
        rows: the photo's segments, by the ids that they had before; of proposals those of their
            matches.
        added: number of segments that were added.
    """

    rows: Mapping[int, SegmentRow]
    added: int


def require_keeping(folder: Path) -> None:
    """Raise unless the index may be written to just now.

    Raises:
        IndexReadOnly, IndexLocked: the name tells it.
    """
    with WriterLock(folder), Index.open(folder, readonly=False):
        pass


def keep_shown(completed: Completed, folder: Path) -> Completed:
    """The same answer once the proposals that it shows were written to the index.

    What the index holds already is not added again. A photo that has changed, or is not in the
    index any more, is left as it is and told in a note.

    Args:
        completed: answer with proposals.
        folder: index folder.

    Raises:
        IndexReadOnly, IndexLocked: the index may not be written to; nothing is.
    """
    account = completed.account
    origin = Origin(account.prompt, account.fingerprint)
    proposed = sorted(
        (match for match in completed.items if match.proposed), key=lambda match: match.photo.id
    )
    if not proposed:
        return completed
    rows, notes, added = dict[int, SegmentRow](), list(completed.notes), 0
    with WriterLock(folder), Index.open(folder, readonly=False) as index:
        for _, of_photo in groupby(proposed, key=lambda match: match.photo.id):
            some = list(of_photo)
            try:
                kept = _kept(some, completed.vectors, index.catalog, origin)
            except PhotoError as error:
                notes.append(f"nothing is kept of {shown(some[0].photo.path)}: {error.what}")
                continue
            rows.update(kept.rows)
            added += kept.added
        note = index.keeper.sync_if_behind()
        notes += [note] if note else []
    items = tuple(_renamed(match, rows) for match in completed.items)
    names = {before: row.id for before, row in rows.items()}
    return replace(
        completed,
        items=items,
        notes=tuple(notes),
        account=replace(account.renamed(names), kept=added),
    )


def _kept(proposals: Sequence[Match], vectors: Vectors, catalog: Catalog, origin: Origin) -> _Kept:
    """Write a photo's proposals, best first.

    Raises:
        PhotoChanged: the photo is not what was indexed, or not in the index any more.
    """
    photo = proposals[0].photo
    known = catalog.photos([photo.id]).get(photo.id)
    if known is None:
        raise PhotoChanged(f"{shown(photo.path)} is not in the index any more")
    require_unchanged(known)
    held = catalog.segments_of(photo.id)
    frame = proposals[0].segment.frame
    equal = [_equal(match.segment, held) for match in proposals]
    new = [match for match, place in zip(proposals, equal, strict=True) if place is None]
    if new:
        segments = as_segments([match.segment for match in new], frame)
        found = np.stack([vectors[match.segment_id] for match in new])
        embeddings = Embeddings(found, catalog.manifest.space)
        catalog.add_segments(photo.id, AddedSegments(segments, embeddings, origin))
    after = catalog.segments_of(photo.id)
    rows = {before.id: row for before, row in zip(held, after, strict=False)}
    rows |= {match.segment_id: row for match, row in zip(new, after[len(held) :], strict=True)}
    for match, place in zip(proposals, equal, strict=True):
        if place is not None:
            rows[match.segment_id] = after[place]
    return _Kept(rows, len(new))


def _equal(segment: SegmentRow, held: Sequence[SegmentRow]) -> int | None:
    """Ordinal of the segment of the index that a proposal nearly is; None where there is none."""
    if not held:
        return None
    iou = rle.iou([segment.counts], [row.counts for row in held], segment.frame)[0]
    best = int(iou.argmax())
    return best if iou[best] >= EQUAL else None


def _renamed(match: Match, rows: Mapping[int, SegmentRow]) -> Match:
    """The match with the ids that its segments have now."""
    row = rows.get(match.segment_id)
    merged = tuple(rows[i].id if i in rows else i for i in match.merged)
    if row is None:
        return match
    return replace(match, segment=row, merged=merged, proposed=False)
