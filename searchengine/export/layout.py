"""Layout of an export: what its files are called and how they lie, apart from what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.catalog.records import PhotoRow
from model.errors import ExportError
from searchengine.export.file_names import file_name, folder_name
from searchengine.matches.match import Match

MOST_MARGIN = 10.0


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Choices about the files of an export, for those formats that know them.

    Attributes:
        raw_frame: whether masks, boxes and sizes are laid out as the file's pixels are, EXIF
            orientation not applied, instead of as the upright photo's.
        polygons: whether outlines are written instead of run lengths (COCO).
        margin: space around a cut-out's box, as a share of the box's longer side.
        val: share of the photos that belong to the split `val` (YOLO); 0: there is no split. A
            photo's content decides, so that it belongs to one split in every export.
        whole_paths: whether photos are found by their whole paths rather than by the way that
            leads to them, since the files will be moved (LabelMe).

    Raises:
        ExportError: a number is out of its range.
    """

    raw_frame: bool = False
    polygons: bool = False
    margin: float = 0.0
    val: float = 0.0
    whole_paths: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= MOST_MARGIN:
            raise ExportError(
                f"a margin of {self.margin} was asked for", f"give a share, 0 to {MOST_MARGIN:g}"
            )
        if not 0 <= self.val < 1:
            raise ExportError(
                f"{self.val} of the photos were asked for in val", "give a share, as 0.1"
            )

    def split_of(self, photo: PhotoRow) -> str:
        """Split of a photo, `train` or `val`; "" where there is no split."""
        if not self.val:
            return ""
        place = int.from_bytes(photo.content_hash[:6], "big") / 2**48
        return "val" if place < self.val else "train"


def segment_file(photo: PhotoRow, match: Match, suffix: str) -> str:
    """Name of a picture of one segment, below a folder of its label where there is one."""
    name = ranked_name(photo, [match], match.segment_id, suffix)
    return name if match.label is None else f"{folder_name(match.label)}/{name}"


def ranked_name(photo: PhotoRow, matches: Sequence[Match], number: int, suffix: str) -> str:
    """Name of a picture of matches: the rank of the best first, where there was a query, so that
    names are in the order of the answer.

    Args:
        photo: photo that the matches lie in.
        matches: matches that the picture shows, at least one.
        number: id of the segment or of the photo.
        suffix: ending of the name, with its dot.
    """
    name = file_name(photo.path, number, suffix)
    best = min(matches, key=lambda match: match.rank)
    return name if best.score is None else f"{best.rank:04}-{name}"
