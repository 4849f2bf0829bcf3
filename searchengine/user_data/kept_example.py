"""Examples as they are kept, with what finds them again."""

from __future__ import annotations

from pathlib import Path

from model.embeddings import Embeddings
from model.photos.images import content_hash
from model.stores.urls import absolute_place
from searchengine.matches.match import Match
from searchengine.opened_index import OpenedIndex
from searchengine.queries.example import Example, embed_example, row_meant
from searchengine.user_data.kept_query import kept_segments
from searchengine.user_data.kept_segment import KeptSegment

Pointed = Match | Example | Path | str | KeptSegment
"""What can be asked by: a match, a place that is pointed at, the path of a photo."""


def kept_example(
    example: Pointed, opened: OpenedIndex, vector: Embeddings | None = None
) -> KeptSegment:
    """An example as it is kept.

    Args:
        example: example that was pointed at.
        opened: index and its models.
        vector: its vector (1×D), where that is known: no photo is looked at then.

    Raises:
        QueryError: the place is outside the photo, or the segment is not in the index.
        PhotoError: the photo cannot be read.
    """
    if isinstance(example, KeptSegment):
        return example
    if isinstance(example, Match):
        example = Example(segment=example.segment_id)
    elif not isinstance(example, Example):
        example = Example(example)
    index = opened.reader
    if example.segment is not None:
        return kept_segments([example.segment], index)[0]
    if vector is None:
        vector, _ = embed_example(example, index, opened.preset, opened.models)
    path = absolute_place(example.photo or "")
    digest = content_hash(path)
    photo_id = index.catalog.photo_by_hash(digest)
    if photo_id is not None:
        photo = index.catalog.photos([photo_id])[photo_id]
        if example.at is None and example.box is None:
            return KeptSegment.of(photo, None, vector.vectors[0], vector.space)
        row = row_meant(example, index.catalog.segments_of(photo_id), photo.size)
        if row is not None:
            return kept_segments([row.id], index)[0]
    return KeptSegment(path, digest, None, None, vector.vectors[0], vector.space)
