"""Asking: a request of the API as a query, and its answer as a snapshot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.filter import Filter
from indexer.catalog.path_pattern import PathPattern
from model.embeddings import Embeddings
from model.errors import QueryError
from searchengine.engine import SearchEngine
from searchengine.matches.match import Match
from searchengine.matches.matches import Matches
from searchengine.queries.example import Example, embed_seen
from searchengine.queries.query import Negative, Query
from searchengine.queries.understanding import interpret
from searchengine.search.refer import read
from searchengine.search.sentence import named_by
from searchengine.web.schemas import Asked, ExampleField, SearchRequest, WhereField
from searchengine.web.shared_catalog import SharedCatalog
from searchengine.web.snapshots import Snapshot
from searchengine.web.uploads.store import UploadStore

WHOLE_CASCADE = 120
"""Matches of a search that go through all stages."""
RESOLVED = 32
"""Matches where it is told which one is meant, as all segments of so many photos are compared."""


def filter_of(where: WhereField) -> Filter:
    """Conditions of a request.

    Raises:
        QueryError: one of them makes no sense.
    """
    given = {name: value for name, value in where if value is not None}
    if where.near is not None:
        given["near"] = tuple(where.near)
    return Filter(**given)


def found_by(
    request: SearchRequest, engine: SearchEngine, catalog: SharedCatalog, uploads: UploadStore
) -> Matches:
    """The matches of a request, as many as go through all stages.

    Raises:
        NotFound: a photo, a segment or an upload that is named is not there.
        QueryError, PhotoError: nothing can be asked by it.
    """
    alone = (
        request.examples[0] if len(request.examples) == 1 and not request.words.strip() else None
    )
    if alone is None or alone.upload is not None:
        return engine.search(query_of(request, engine, catalog, uploads))
    return engine.similar(  # which is not its own answer
        example_of(alone, catalog),
        WHOLE_CASCADE,
        negatives=negatives_of(request),
        where=filter_of(request.where),
        neighbours=request.neighbours,
        language=request.language,
    )


def query_of(
    request: SearchRequest, engine: SearchEngine, catalog: SharedCatalog, uploads: UploadStore
) -> Query:
    """A request as the query that it means.

    Raises:
        NotFound: a photo or a segment that is named is not there.
        QueryError, PhotoError: nothing can be asked by it.
    """
    vectors = [vector_of(each, engine, catalog, uploads) for each in request.examples]
    query = Query(
        words=request.words,
        example=mean_of(vectors),
        negatives=negatives_of(request),
        k=WHOLE_CASCADE,
        where=filter_of(request.where),
        neighbours=request.neighbours,
        like=request.like,
        unlike=request.unlike,
        language=request.language,
    )
    reading = read(interpret(query).expression(query))
    resolved = reading is not None and (not reading.reason or named_by(query))
    return replace(query, k=RESOLVED) if resolved else query


def negatives_of(request: Asked) -> tuple[Negative, ...]:
    """Negatives of a request."""
    return tuple(Negative(each.words, each.weight) for each in request.negatives)


def vector_of(
    field: ExampleField, engine: SearchEngine, catalog: SharedCatalog, uploads: UploadStore
) -> Embeddings:
    """An example that a request names, as a vector."""
    if field.upload is None:
        return engine.embed(example_of(field, catalog))[0]
    image = uploads.of(field.upload).image.reduced(engine.preset.image_side)
    return embed_seen(_pointed_at(field, Path("the upload")), image, [], engine.models)


def example_of(field: ExampleField, catalog: SharedCatalog) -> Example:
    """An example of the index that a request names.

    Raises:
        NotFound: its photo or segment is not there.
        QueryError: an upload is named, which is forgotten in a while.
    """
    if field.segment is not None:
        return Example(segment=catalog.segment(field.segment).id)
    if field.content is not None:
        return _pointed_at(field, Path(catalog.photo_of(bytes.fromhex(field.content)).path))
    if field.photo is None:
        raise QueryError("an upload is forgotten in a while", "index its photo, and take that")
    return _pointed_at(field, Path(catalog.photo(field.photo).path))


def _pointed_at(field: ExampleField, photo: Path) -> Example:
    at = None if field.point is None else (field.point[0], field.point[1])
    x, y, w, h = field.box or (0.0, 0.0, 0.0, 0.0)
    return Example(photo, at=at, box=None if field.box is None else (x, y, w, h))


def mean_of(vectors: Sequence[Embeddings]) -> Embeddings | None:
    """One vector for several, each counting alike; None for none."""
    if not vectors:
        return None
    total = np.concatenate([each.vectors for each in vectors]).mean(axis=0, keepdims=True)
    return Embeddings.unit(total, vectors[0].space)


def matches_of(snapshot: Snapshot, catalog: CatalogReader, offset: int, limit: int) -> list[Match]:
    """Some of a snapshot's matches, read from the catalog; those that are gone are left out."""
    ids, scores, confidences = (column.tolist() for column in snapshot.page(offset, limit, catalog))
    with catalog.snapshot():
        rows = catalog.segments(ids)
        alike = {i: snapshot.duplicates.get(i, ()) for i in ids}
        photos = catalog.photos(
            {row.photo_id for row in rows.values()}.union(*alike.values()) if ids else ()
        )
    glob = snapshot.query.where.path_glob
    pattern = PathPattern(glob) if glob else None
    matches = []
    for place, segment_id in enumerate(ids):
        row = rows.get(segment_id)
        photo = None if row is None else photos.get(row.photo_id)
        if row is None or photo is None:
            continue
        known = tuple(i for i in alike[segment_id] if i in photos)
        confidence = confidences[place]
        matches.append(
            Match(
                offset + place + 1,
                scores[place],
                None if math.isnan(confidence) else confidence,
                photo if pattern is None else photo.shown_at(pattern),
                row,
                snapshot.merged.get(segment_id, ()),
                tuple(photos[i].path for i in known),
                duplicate_ids=known,
            )
        )
    return matches
