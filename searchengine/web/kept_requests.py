"""Questions that are kept, as requests that the page can send again."""

from __future__ import annotations

from typing import Any

from indexer.catalog.catalog_reader import CatalogReader
from indexer.index import Index
from searchengine.queries.query import AUTO
from searchengine.user_data.kept_query import KeptQuery
from searchengine.user_data.kept_segment import KeptSegment
from searchengine.user_data.saved_search import SavedSearch


def request_of(question: KeptQuery, catalog: CatalogReader) -> tuple[dict[str, Any], list[str]]:
    """A kept question as a `SearchRequest` of this index, and notes on what it does not hold."""
    told = question.to_dict(vectors=False)
    notes: list[str] = []
    request: dict[str, Any] = {
        "words": question.words,
        "negatives": told["negatives"],
        "examples": [],
        "where": told["where"],
        "neighbours": question.counts.get("neighbours", 0),
        "language": question.counts.get("language", AUTO),
    }
    for example in question.examples:
        place = _place(example, catalog)
        if place is None:
            notes.append(f"this index does not hold {example.name}")
        else:
            request["examples"].append(place)
    for name, some in (("like", question.like), ("unlike", question.unlike)):
        rows = [each.segment_in(catalog) for each in some]
        request[name] = list(dict.fromkeys(row.id for row in rows if row is not None))
        lost = sum(row is None for row in rows)
        notes += [f"this index does not hold {lost} of the judged segments"] if lost else []
    return request, notes


def saved_record(search: SavedSearch, index: Index) -> dict[str, Any]:
    """A saved search as the page shows it; a `SavedRecord` of the schemas."""
    request, notes = request_of(search.question, index.catalog)
    if search.question.words.strip():
        request["least_confidence"] = search.least_confidence
    return {
        **search.to_dict(),
        "said": str(search.question),
        "request": request,
        "notes": notes,
    }


def _place(example: KeptSegment, catalog: CatalogReader) -> dict[str, int] | None:
    if example.whole:
        photo = example.photo_in(catalog)
        return None if photo is None else {"photo": photo}
    row = example.segment_in(catalog)
    return None if row is None else {"segment": row.id}
