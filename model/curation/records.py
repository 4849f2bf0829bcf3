"""Records that pass between the stages of a curation: captions, phrases, boxes, losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Granularity = Literal["scene", "object", "part"]


@dataclass(frozen=True)
class Caption:
    """A text that is said of a photo.

    Attributes:
        text: as its engine wrote it, without surrounding white space.
        granularity: scope of the question: the scene, each object, or the objects' parts.
        engine: name of who says it.
        box: XYXY shares of the upright photo's width and height, where the text is said of a
            region only; else None.
    """

    text: str
    granularity: Granularity
    engine: str
    box: tuple[float, float, float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The caption as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Caption:
        """The caption that `to_dict` made."""
        box = data["box"]
        return cls(**{**data, "box": None if box is None else tuple(box)})


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of a caption, with all that depends on it.

    Attributes:
        text: referring expression: "white cat lying on the seat of a scooter"; lower case.
        head: its noun chunk without article: "white cat"; lower case.
        span: (start, end) of the expression in the caption's text, characters.
        parent: head phrase of the whole whose part this is; "" for an object of its own.
        caption: the caption that says it.
    """

    text: str
    head: str
    span: tuple[int, int]
    parent: str
    caption: Caption

    def to_dict(self) -> dict[str, Any]:
        """The phrase as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Phrase:
        """The phrase that `to_dict` made."""
        caption = Caption.from_dict(data["caption"])
        return cls(**{**data, "span": tuple(data["span"]), "caption": caption})


@dataclass(frozen=True)
class Box:
    """A place where a phrase is seen.

    Attributes:
        xyxy: x0, y0, x1, y1 as shares of the upright photo's width and height, in [0, 1].
        phrase: the phrase that is seen there.
        score: certainty of the engine, in [0, 1].
        engine: name of who says so.
        texts: phrases that hold there, the most specific first: the expression only where the
            referring stage agrees, then the head.
    """

    xyxy: tuple[float, float, float, float]
    phrase: Phrase
    score: float
    engine: str
    texts: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The box as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Box:
        """The box that `to_dict` made."""
        return cls(
            tuple(data["xyxy"]),
            Phrase.from_dict(data["phrase"]),
            data["score"],
            data["engine"],
            tuple(data["texts"]),
        )


@dataclass(frozen=True)
class Loss:
    """Something that a stage did not pass on.

    Attributes:
        what: text that names it, for people.
        reason: why, the same words wherever the same happens, so that it can be counted.
        box: XYXY shares of the photo, where it has a place.
    """

    what: str
    reason: str
    box: tuple[float, float, float, float] | None = None
