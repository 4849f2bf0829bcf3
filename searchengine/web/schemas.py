"""Schemas of the API: what requests may hold, checked before anything else sees them."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from searchengine.overview.arrangement import Group, Order
from searchengine.queries.example import MOST_ID
from searchengine.queries.query import AUTO, MOST_NEIGHBOURS

LONGEST_WORDS = 10_000
LONGEST_NAME = 4096
MOST_NEGATIVES = 50
MOST_EXAMPLES = 16
MOST_JUDGED = 1000
MOST_PLACES = 15
MOST_SHOWN = 500
FURTHEST = 1e9

Id = Annotated[StrictInt, Field(ge=0, le=MOST_ID)]
Pixels = Annotated[float, Field(ge=-FURTHEST, le=FURTHEST, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Words = Annotated[str, Field(max_length=LONGEST_WORDS)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Client = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="BLAKE3 of a file, in hex.")]
Language = Annotated[
    str, Field(max_length=20, description="Code, as `de`; `auto`: what the words tell.")
]


# lists, not tuples: those become schemas that OpenAPI does not know
Point = Annotated[list[Pixels], Field(min_length=2, max_length=2)]
PointedBox = Annotated[list[Pixels], Field(min_length=4, max_length=4)]
Near = Annotated[
    list[Pixels],
    Field(min_length=3, max_length=3, description="Latitude, longitude, and kilometres."),
]
Place = Annotated[
    str, Field(max_length=20, description="Third or ninth of the photo, as `left` or `top left`.")
]
Size = Annotated[list[int], Field(min_length=2, max_length=2, description="Height and width.")]
Box = Annotated[list[int], Field(min_length=4, max_length=4, description="X, y, width and height.")]


class Strict(BaseModel):
    """Request whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Width(IntEnum):
    """Longer sides of small photos, pixels."""

    small = 256
    large = 1024


class NegativeField(Strict):
    """Words for what matches should not show."""

    words: Annotated[str, Field(min_length=1, max_length=LONGEST_WORDS)]
    weight: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 0.5


class ExampleField(Strict):
    """Example to search by: a segment, or a photo or an upload, whole or a place in it.

    Points and boxes are in pixels of the upright photo. A photo of the index is named by its id,
    or by the content of a file; `name` is what it is called in answers.
    """

    segment: Id | None = None
    photo: Id | None = None
    content: Digest | None = None
    upload: Annotated[str, Field(max_length=64)] | None = None
    name: Name | None = None
    point: Point | None = None
    box: PointedBox | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        things = (self.segment, self.photo, self.content, self.upload)
        if sum(each is not None for each in things) != 1:
            raise ValueError("name one of a segment, a photo, a content and an upload")
        if self.point is not None and self.box is not None:
            raise ValueError("give a point or a box, not both")
        if self.segment is not None and (self.point or self.box):
            raise ValueError("a segment has no point or box")
        return self


class WhereField(Strict):
    """Exact conditions on photos and segments."""

    path_glob: Name | None = None
    after: Annotated[str, Field(max_length=40)] | None = None
    before: Annotated[str, Field(max_length=40)] | None = None
    camera: Annotated[str, Field(max_length=200)] | None = None
    min_area: Share = 0.0
    max_area: Share = 1.0
    format: Annotated[str, Field(max_length=20)] | None = None
    photo_ids: Annotated[tuple[Id, ...], Field(max_length=10_000)] | None = None
    near: Near | None = None
    places: Annotated[tuple[Place, ...], Field(max_length=MOST_PLACES)] = ()


class Asked(Strict):
    """Fields of every question."""

    words: Words = ""
    negatives: Annotated[tuple[NegativeField, ...], Field(max_length=MOST_NEGATIVES)] = ()
    like: Annotated[tuple[Id, ...], Field(max_length=MOST_JUDGED)] = ()
    unlike: Annotated[tuple[Id, ...], Field(max_length=MOST_JUDGED)] = ()
    where: WhereField = WhereField()
    neighbours: Annotated[StrictInt, Field(ge=0, le=MOST_NEIGHBOURS)] = 0
    language: Language = AUTO


class SimilarRequest(Asked):
    """Fields that every search may have beside its words or its example."""

    examples: Annotated[tuple[ExampleField, ...], Field(max_length=MOST_EXAMPLES)] = ()
    order: Order = Order.relevance
    group: Group = Group.segment
    least_confidence: Share = 0.0
    limit: Annotated[StrictInt, Field(ge=1, le=MOST_SHOWN)] = 60
    client: Client = ""


class SearchRequest(SimilarRequest):
    """A question: words, examples, judgements, or several of them."""


class SimilarTo(SimilarRequest):
    """A question by one example."""

    example: ExampleField


class Error(BaseModel):
    """Error: its kind, what went wrong, and what to do."""

    kind: str
    what: str
    fix: str


class ErrorAnswer(BaseModel):
    """Answer to a request that cannot be met."""

    error: Error


class Segmentation(BaseModel):
    """Mask as COCO's compressed run lengths in a frame of height and width."""

    size: Size
    counts: str


class MatchRecord(BaseModel):
    """One match; `bbox` and `area` are in pixels of the upright photo, which has `frame_size`."""

    rank: int
    score: float | None
    confidence: float | None
    photo: str
    photo_id: int
    missing: bool
    segment_id: int
    proposed: bool
    origin: dict[str, Any] | None
    bbox: Box
    area: int
    segmentation: Segmentation
    merged: list[int]
    duplicates: list[str]
    taken_at: str | None
    frame_size: Size


class SearchAnswer(BaseModel):
    """Answer to a search: its name, and the first of its matches."""

    id: str
    total: int
    total_is_exact: bool
    confident: bool
    understood: dict[str, Any] | None
    not_understood: list[str]
    notes: list[str]
    generation: int
    seconds: float
    matches: list[MatchRecord]


class MatchesAnswer(BaseModel):
    """Some matches of a search that was asked before."""

    offset: int
    total: int
    total_is_exact: bool
    matches: list[MatchRecord]


class PhotoRecord(BaseModel):
    """One photo of the index."""

    id: int
    path: str
    size: Size
    taken_at: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    format: str
    files: list[str]
    segment_count: int
    missing: bool


class SegmentRecord(BaseModel):
    """One segment of a photo; `bbox` and `area` are in pixels of the upright photo."""

    segment_id: int
    ordinal: int
    parent_id: int | None
    bbox: Box
    area: int
    quality: float
    segmentation: Segmentation


class UploadedSegment(BaseModel):
    """One segment of an upload; `parent` is the ordinal of the one that it is part of."""

    ordinal: int
    parent: int | None
    bbox: Box
    area: int
    quality: float
    segmentation: Segmentation


class UploadAnswer(BaseModel):
    """Name, height and width, and segments of an upload."""

    id: str
    size: Size
    segments: list[UploadedSegment]


class SegmentsAnswer(BaseModel):
    """The segments of one photo."""

    segments: list[SegmentRecord]
