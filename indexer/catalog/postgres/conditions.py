"""Conditions: what a filter asks, as SQL that the database answers beside a search."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

from indexer.catalog.filter import Filter
from indexer.catalog.path_beginnings import path_ranges
from indexer.catalog.path_pattern import PathPattern
from indexer.catalog.photo_ninths import ninths_named
from indexer.catalog.postgres.database import Connection, fetched
from indexer.catalog.postgres.path_regex import path_regex

EARTH = 6371.0088  # kilometres, mean radius
_AWAY = f"""
p.latitude IS NOT NULL AND p.longitude IS NOT NULL AND 2 * {EARTH} * asin(sqrt(least(1, greatest(0,
    power(sin(radians(p.latitude - %s) / 2), 2)
    + cos(radians(%s)) * cos(radians(p.latitude))
    * power(sin(radians(p.longitude - %s) / 2), 2))))) <= %s
"""
_CAMERAS = """
WITH RECURSIVE named AS (
    SELECT min(camera) AS camera FROM photos
    UNION ALL
    SELECT (SELECT min(camera) FROM photos WHERE camera > named.camera) FROM named
    WHERE named.camera IS NOT NULL
)
SELECT camera FROM named WHERE camera IS NOT NULL
"""


@dataclass(frozen=True)
class Conditions:
    """Conditions on rows of `photos AS p` and of `segments AS s`.

    Attributes:
        of_photos: conditions in SQL on photos, "" for none.
        photo_values: values of their parameters.
        of_segments: conditions in SQL on segments, "" for none.
        segment_values: values of their parameters.
    """

    of_photos: str = ""
    photo_values: tuple[Any, ...] = ()
    of_segments: str = ""
    segment_values: tuple[Any, ...] = ()

    @property
    def are_none(self) -> bool:
        """Whether everything meets them."""
        return not (self.of_photos or self.of_segments)

    @property
    def where(self) -> str:
        """All of them, to stand behind WHERE."""
        return " AND ".join(filter(None, (self.of_photos, self.of_segments))) or "true"

    @property
    def values(self) -> tuple[Any, ...]:
        """Values of the parameters of `where`."""
        return self.photo_values + self.segment_values

    @property
    def joined(self) -> str:
        """The tables of `where`, joined; segments always."""
        if not self.of_photos:
            return "segments AS s"
        return "segments AS s JOIN photos AS p ON p.id = s.photo_id"


def conditions_of(connection: Connection, asked: Filter | None) -> Conditions:
    """A filter's conditions in SQL.

    Args:
        connection: connection to the catalog; names of cameras are compared here, as only Python
            folds the case of all letters.
        asked: the filter.
    """
    asked = asked or Filter()
    photos: list[tuple[str, tuple[Any, ...]]] = []
    if asked.photo_ids is not None:
        photos.append(("p.id = ANY(%s::bigint[])", (ids_given(asked.photo_ids),)))
    if asked.path_glob is not None:
        photos.append(_path(PathPattern(asked.path_glob)))
    if asked.after is not None:
        photos.append(("p.taken_at >= %s", (asked.after,)))
    if asked.before is not None:
        photos.append(("p.taken_at < %s", (asked.before,)))
    if asked.camera is not None:
        photos.append(("p.camera = ANY(%s::text[])", (_cameras(connection, asked.camera),)))
    if asked.near is not None:
        latitude, longitude, kilometres = asked.near
        photos.append((_AWAY, (latitude, latitude, longitude, kilometres)))
    if asked.format is not None:
        photos.append(("p.format = %s", (asked.format.upper(),)))
    segments: list[tuple[str, tuple[Any, ...]]] = []
    if asked.min_area > 0:
        segments.append(("s.share >= %s", (float(asked.min_area),)))
    if asked.max_area < 1:
        segments.append(("s.share <= %s", (float(asked.max_area),)))
    if asked.places:
        segments.append(("s.ninth = ANY(%s::bigint[])", (sorted(ninths_named(asked.places)),)))
    return Conditions(*_all(photos), *_all(segments))


def ids_given(ids: Any) -> list[int]:
    """Those of some numbers that can be ids."""
    return [int(i) for i in ids if 0 <= i < 1 << 63]


def _all(conditions: list[tuple[str, tuple[Any, ...]]]) -> tuple[str, tuple[Any, ...]]:
    values = tuple(value for _, values in conditions for value in values)
    return " AND ".join(sql for sql, _ in conditions), values


def _path(pattern: PathPattern) -> tuple[str, tuple[Any, ...]]:
    expression = path_regex(pattern)
    if expression is None:
        return "false", ()
    ranges = path_ranges(pattern)
    of_files = "shown ~ %s"
    values: tuple[Any, ...] = (expression,)
    if ranges is not None:  # the index of paths is read there alone
        parts = ["(path >= %b AND path < %b)"] * len(ranges)
        of_files = f"({' OR '.join(parts)}) AND {of_files}"
        values = (*chain.from_iterable(ranges), expression)
    return f"p.id IN (SELECT photo_id FROM files WHERE {of_files})", values


def _cameras(connection: Connection, part: str) -> list[str]:
    folded = part.casefold()
    return [name for (name,) in fetched(connection, _CAMERAS) if folded in name.casefold()]
