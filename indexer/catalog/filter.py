"""Filter: exact conditions on photos and segments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from numbers import Real

from indexer.catalog.date_text import as_moment
from indexer.catalog.path_pattern import require_path
from indexer.catalog.photo_ninths import ninths_named
from model.argument_types import require_type
from model.errors import QueryError

FURTHEST_PLACE = 20_040.0  # kilometres, half the way around the Earth


@dataclass(frozen=True)
class Filter:
    """Exact conditions on photos and segments; what is not given is not asked.

    Attributes:
        path_glob: a pattern of paths, a folder or a name, as `PathPattern` reads it.
        after: taken at this naive local time or later; a photo without a time never matches. May be
            given as a text, as 2023-05 or 2023-05-17 14:30, or as a date: what that begins with.
        before: taken earlier than this; given as the same.
        camera: part of the camera's name, in any case.
        min_area: least share of the photo that a segment covers, 0 to 1.
        max_area: largest share of the photo that a segment covers, 0 to 1.
        format: format of the photo's file, as "JPEG".
        photo_ids: only these photos.
        near: latitude, longitude (degrees, WGS 84) and kilometres: only photos that tell where they
            were taken, within that distance.
        places: where in its photo the middle of a segment's box lies, one of these: a row of
            thirds (top, middle, bottom), a column (left, centre, right), or both, as "top left".

    Raises:
        QueryError: a condition makes no sense.
    """

    path_glob: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    camera: str | None = None
    min_area: float = 0.0
    photo_ids: tuple[int, ...] | None = None
    max_area: float = 1.0
    format: str | None = None
    near: tuple[float, float, float] | None = None
    places: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ninths_named(self.places)
        for name, share in (("least", self.min_area), ("largest", self.max_area)):
            require_type(f"the {name} area", share, Real, "a number from 0 to 1")
            if not 0 <= share <= 1:
                raise QueryError(f"a {name} area of {share} is no share of a photo", "give 0 to 1")
        if self.near is not None:
            _require_place(*self.near)
        for name in ("path_glob", "camera", "format"):
            require_type(f"Filter.{name}", getattr(self, name), str | None, "a text or None")
        if self.path_glob is not None:
            require_path(self.path_glob)
        for name in ("after", "before"):
            object.__setattr__(self, name, as_moment(getattr(self, name)))
        for moment in (self.after, self.before):
            if moment is not None and moment.tzinfo is not None:
                raise QueryError(
                    f"{moment.isoformat()} has a time zone, photos tell only local time",
                    "leave the time zone out",
                )


def _require_place(latitude: float, longitude: float, kilometres: float) -> None:
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and 0 < kilometres <= FURTHEST_PLACE):
        raise QueryError(
            f"{latitude}, {longitude} and {kilometres} km are no place",
            "give latitude (-90 to 90), longitude (-180 to 180) and kilometres, as 48.2,16.4,5",
        )
