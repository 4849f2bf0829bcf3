"""Schemas of facets: what the matches of a search are made of, by count."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class MonthCount(BaseModel):
    """Matches of photos taken in one month; `month` is None for photos that tell none."""

    month: str | None
    count: int


class FolderCount(BaseModel):
    """Matches of photos in one folder."""

    path: str
    count: int


class NameCount(BaseModel):
    """Matches of photos of one camera, or one format."""

    name: str
    count: int


class SizeCount(BaseModel):
    """Matches that cover a share of their photos between two numbers."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[float, Field(alias="from")]
    to: float
    count: int


class PlaceCount(BaseModel):
    """Matches whose middle lies in one ninth of the photo, as "top left"."""

    place: str
    count: int


class FacetsAnswer(BaseModel):
    """What the matches of a search are made of, by count.

    Colours and materials, of what shows one at half or more, are none while they are still read,
    and where the preset's vectors do not tell them.
    """

    dates: list[MonthCount]
    folders: list[FolderCount]
    cameras: list[NameCount]
    formats: list[NameCount]
    sizes: list[SizeCount]
    places: list[PlaceCount]
    colours: list[NameCount] = []
    materials: list[NameCount] = []
