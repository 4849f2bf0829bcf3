"""Matches: the segments that answer a query, best first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from indexer.catalog.records import PhotoRow, SegmentRow
from model.errors import QueryError, SegsearchError
from model.masks import resizing, rle
from searchengine.search.explanation import Explanation
from searchengine.search.languages.translation import Translation
from searchengine.search.photo_pixels import is_missing, pixels_of
from searchengine.search.proposal_account import ProposalAccount
from searchengine.search.query import Query

if TYPE_CHECKING:
    from searchengine.search.match_tables import Shown

CONFIDENT = 0.5
LONGEST_LINE = 200  # characters of a query that are told back
SHOWN_IN_NOTEBOOK = 24  # matches
COLUMNS = (
    "rank", "score", "confidence", "photo", "photo_id", "segment_id", "x", "y", "width", "height",
    "area", "taken_at", "camera", "latitude", "longitude", "label",
)  # fmt: skip
DOUBT = 0.49  # factor below which no confidence reaches CONFIDENT


def _share(match: Match) -> float:
    height, width = match.segment.frame
    return match.segment.area / (height * width)


def _age(match: Match) -> tuple[bool, float]:
    taken = match.photo.taken_at
    return taken is None, 0.0 if taken is None else -(taken - datetime.min).total_seconds()


ORDERS: Mapping[str, Callable[[Match], Any]] = {
    "relevance": lambda match: match.rank,
    "date": _age,
    "size": lambda match: -_share(match),
}
"""Orders of matches, by the key of each; what is equal stays as it was."""


@lru_cache(maxsize=8192)
def _outline(counts: bytes, frame: tuple[int, int], size: tuple[int, int]) -> bytes:
    """Run lengths at the photo's size; many questions find the same segments."""
    return resizing.resize_mask(counts, frame, size)


@dataclass(frozen=True, eq=False)
class Match:
    """One segment that answers a query.

    Attributes:
        rank: 1 for the best.
        score: agreement with the query, as far as the embedding space knows: a cosine less the
            weighted cosines of the negatives. None where there was no query.
        confidence: calibrated probability in [0, 1] that the segment shows what was asked; never
            above that of the match before it.
        photo: the photo that it lies in.
        segment: the segment as the index holds it, in its working frame.
        merged: ids of segments of the same photo that overlap it and answer alike.
        duplicates: paths of photos that look the same and answered after this one.
        proposed: whether the index does not hold the segment, which was drawn for the query.
        label: name of the label that the segment answers for, where labels were asked.
        duplicate_ids: ids of the photos of `duplicates`, in their order.
    """

    rank: int
    score: float | None
    confidence: float | None
    photo: PhotoRow
    segment: SegmentRow
    merged: tuple[int, ...] = ()
    duplicates: tuple[str, ...] = ()
    proposed: bool = False
    label: str | None = None
    duplicate_ids: tuple[int, ...] = ()

    @property
    def segment_id(self) -> int:
        """The segment's id in the index; of a proposal a negative number, one a match."""
        return self.segment.id

    @cached_property
    def missing(self) -> bool:
        """Whether no file of the photo is there any more."""
        return is_missing(self.photo)

    @cached_property
    def counts(self) -> bytes:
        """COCO compressed run lengths of the mask, in pixels of the upright photo."""
        return _outline(self.segment.counts, self.segment.frame, self.photo.size)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width and height of the mask, in pixels of the upright photo."""
        x0, y0, x1, y1 = rle.boxes((self.counts,), self.photo.size)[0].astype(int).tolist()
        return x0, y0, x1 - x0, y1 - y0

    @cached_property
    def area(self) -> int:
        """The mask's pixels in the upright photo."""
        return int(rle.areas((self.counts,), self.photo.size)[0])

    def __repr__(self) -> str:
        told = [str(self.rank), repr(Path(self.photo.path).name), f"segment {self.segment_id}"]
        if self.score is not None:
            told.append(f"score {self.score:.2f}")
        if self.confidence is not None:
            told.append(f"{self.confidence:.0%} sure")
        return f"Match({', '.join(told)})"

    def to_row(self) -> dict[str, Any]:
        """The match as one flat row, of a table or a CSV file: `COLUMNS`, None for what is not
        known."""
        x, y, width, height = self.box
        photo = self.photo
        values = (
            self.rank,
            None if self.score is None else round(self.score, 4),
            None if self.confidence is None else round(self.confidence, 4),
            *(photo.path, photo.id, self.segment_id, x, y, width, height, self.area),
            photo.taken_at.isoformat() if photo.taken_at else None,
            *(photo.camera, photo.latitude, photo.longitude, self.label),
        )
        return dict(zip(COLUMNS, values, strict=True))

    def doubted(self) -> Match:
        """The match where nothing can be right: what was asked is not understood."""
        confidence = None if self.confidence is None else DOUBT * self.confidence
        return replace(self, confidence=confidence)

    @property
    def segmentation(self) -> dict[str, Any]:
        """The mask as COCO's record: size [height, width], compressed counts as text."""
        return {"size": list(self.photo.size), "counts": self.counts.decode("ascii")}

    def mask(self) -> NDArray[np.bool_]:
        """The mask, height × width of the upright photo."""
        (mask,) = rle.decode((self.counts,), self.photo.size)
        return np.asarray(mask, np.bool_)

    def cutout(self) -> PillowImage.Image:
        """The segment alone: RGBA, cropped to its box, transparent around the mask.

        Raises:
            PhotoError: the photo cannot be read any more, or is not what was indexed.
        """
        x, y, w, h = self.box
        window = slice(y, y + h), slice(x, x + w)
        pixels = pixels_of(self.photo)[window]
        alpha = self.mask()[window].astype(np.uint8) * 255
        return PillowImage.fromarray(np.dstack([pixels, alpha]))

    def to_dict(self) -> dict[str, Any]:
        """The match as the command line's JSON has it."""
        origin = self.segment.origin
        return {
            "rank": self.rank,
            "score": None if self.score is None else round(self.score, 4),
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "photo": self.photo.path,
            "photo_id": self.photo.id,
            "missing": self.missing,
            "duplicates": list(self.duplicates),
            "taken_at": self.photo.taken_at.isoformat() if self.photo.taken_at else None,
            "camera": self.photo.camera,
            "latitude": self.photo.latitude,
            "longitude": self.photo.longitude,
            "segment_id": self.segment_id,
            "proposed": self.proposed,
            **({} if self.label is None else {"label": self.label}),
            "origin": None if origin is None else asdict(origin),
            "bbox": list(self.box),
            "area": self.area,
            "segmentation": self.segmentation,
        }


@dataclass(frozen=True, eq=False)
class Matches(Sequence[Match]):
    """The answer to one query, best first.

    Attributes:
        items: the matches.
        query: the query in words, for people.
        folder: index folder; "" where none was asked.
        preset: the preset's name.
        asked: the query as it was given, where there was one.
        understood: the query as it was searched: nouns in the singular, without counts, negatives
            of the words told apart.
        not_understood: parts that the search does not heed, each with the reason.
        left_out: lines for people on what the conditions leave out.
        explanation: reading of the words as a referring expression, and what each stage made of
            it; None where nobody asked for that.
        proposals: account of what was proposed; None where nobody asked for that.
        labels: labels that were asked, names with their words; none where a query was.
        passed: ids, int64 ascending, of the segments that need not follow these matches in a
            longer answer; None where there was no query.
        translations: texts of other languages and what they are taken for; none of English ones.
        put_right: whether misspelt words were put right, since nothing was confident as they stood.
    """

    items: tuple[Match, ...]
    query: str
    folder: str
    preset: str
    asked: Query | None = None
    understood: Query | None = None
    not_understood: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    explanation: Explanation | None = None
    proposals: ProposalAccount | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    passed: NDArray[np.int64] | None = None
    translations: tuple[Translation, ...] = ()
    put_right: bool = False

    @overload
    def __getitem__(self, index: int) -> Match: ...
    @overload
    def __getitem__(self, index: slice) -> Matches: ...
    def __getitem__(self, index: int | slice) -> Match | Matches:
        if isinstance(index, slice):
            return replace(self, items=self.items[index])
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Match]:
        return iter(self.items)

    def ordered(self, order: str) -> Matches:
        """The same matches in another order, their ranks as they are.

        Args:
            order: relevance (as they are), date (newest photo first, without a date last) or size
                (largest share of the photo first).

        Raises:
            QueryError: there is no such order.
        """
        if order not in ORDERS:
            raise QueryError(f"there is no order '{order}'", f"choose one of {', '.join(ORDERS)}")
        key = ORDERS[order]
        return replace(self, items=tuple(sorted(self.items, key=key)))

    def above(self, least: float) -> Matches:
        """The matches of at least this confidence; what has none, as of an example, is left out."""
        sure = (match for match in self.items if (match.confidence or 0.0) >= least)
        return self if least <= 0 else replace(self, items=tuple(sure))

    @property
    def confident(self) -> bool:
        """Whether any match is more likely right than wrong."""
        return any((match.confidence or 0) >= CONFIDENT for match in self.items)

    def __repr__(self) -> str:
        sure = "confident" if self.confident else "not confident"
        return f"Matches({self.query!r}, {len(self)} matches, {sure})"

    def _repr_html_(self) -> str:
        """The first matches with their outlines, as notebooks show them."""
        from searchengine.search.match_tables import html_page

        some = [self._shown(match) for match in self.items[:SHOWN_IN_NOTEBOOK]]
        return html_page(self.query or repr(self), some, max(len(self) - len(some), 0))

    def _shown(self, match: Match) -> Shown:
        from indexer.thumbnails.thumbnail import thumbnail
        from searchengine.search.match_tables import Shown

        jpeg = None
        if self.folder:
            with suppress(SegsearchError):  # the outline is shown all the same
                jpeg = thumbnail(Path(self.folder), match.photo)
        (mask,) = rle.decode((match.segment.counts,), match.segment.frame)
        sure = "" if match.confidence is None else f"{match.confidence:.0%} sure"
        return Shown(jpeg, mask, (f"{match.rank}  {sure}", Path(match.photo.path).name))

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row a match, its columns `COLUMNS`; extra `tables`.

        Raises:
            ExtraMissing: pandas is not installed.
        """
        from searchengine.search.match_tables import data_frame

        return data_frame([match.to_row() for match in self], COLUMNS)

    def to_supervision(self) -> dict[str, Any]:
        """`supervision.Detections` of each photo's masks, by the photo's path.

        Boxes and masks are in pixels of the upright photo; a class is a label, where labels were
        asked, else the query.

        Raises:
            ExtraMissing: supervision is not installed.
        """
        from searchengine.search.match_tables import Detection, detections

        labels = list(self.labels) or [self.query]
        of_photos: dict[str, list[Detection]] = {}
        for match in self:
            x, y, width, height = match.box
            sure = math.nan if match.confidence is None else match.confidence
            of_photos.setdefault(match.photo.path, []).append(
                Detection(
                    (x, y, x + width, y + height),
                    match.mask(),
                    sure,
                    labels[0] if match.label is None else match.label,
                    match.segment_id,
                )
            )
        return {path: detections(each, labels) for path, each in of_photos.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on how the query was read, a line each."""
        lines = [f"not understood: {part}" for part in self.not_understood]
        read = self.understood
        if self.put_right and self.asked is not None:
            lines.append(f"nothing was confident for that; searched: {self.asked.words}")
        lines[:0] = [each.line for each in self.translations]
        if self.asked is not None and read is not None and not self._is_translated:
            plain = " ".join(self.asked.words.lower().split())
            without = [n.words for n in read.negatives[len(self.asked.negatives) :]]
            if without or read.words != plain:
                searched = ", without ".join([read.words, *without])
                lines.insert(0, f"searched: {shorten(searched, LONGEST_LINE, placeholder=' …')}")
        if self.explanation is not None:
            lines += [f"not heeded: {note}" for note in self.explanation.notes]
        return (*lines, *self.left_out)

    @property
    def _is_translated(self) -> bool:
        """Whether the words themselves are of another language."""
        asked = self.asked
        return asked is not None and any(each.typed == asked.words for each in self.translations)

    def to_dict(self, explain: bool = False) -> dict[str, Any]:
        """The answer as the command line's JSON has it.

        Args:
            explain: whether it tells how the words were read, what each stage made of them, and
                what was proposed.
        """
        read = self.understood
        told = {
            name: None if account is None else account.to_dict()
            for name, account in (
                ("explanation", self.explanation),
                ("proposals", self.proposals),
            )
        }
        return {
            "query": self.query,
            "understood": None
            if read is None
            else {
                "words": read.words,
                "negatives": [{"words": n.words, "weight": n.weight} for n in read.negatives],
                "translations": [each.to_dict() for each in self.translations],
            },
            "not_understood": list(self.not_understood),
            "left_out": list(self.left_out),
            "index": self.folder or None,
            "preset": self.preset,
            "confident": self.confident,
            **(told if explain else {}),
            "matches": [match.to_dict() for match in self.items],
        }
