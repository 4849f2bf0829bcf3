"""Addition: segments that a photo gets beside those that it has, and the ids of all of them.

Ids of a photo's segments follow each other, and the next one after its last is mostly another
photo's. So all get new ids at the end, and none is ever used twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from indexer.catalog.records import AddedSegments, SegmentRow
from indexer.catalog.row_records import MOST_SEGMENTS
from indexer.catalog.whole_of_parts import parents_with
from model.errors import StorageError


@dataclass(frozen=True, eq=False)
class Addition:
    """Segments of a photo, those that it has and those that come after them.

    Attributes:
        photo_id: the photo.
        held: segments that it has, by ordinal.
        added: segments that it gets.
        first: id of the first of them all from now on; none from it on was ever used.
        largest_id: bound of what ids can be.

    Raises:
        StorageError: the photo would have more segments than one can have.
    """

    photo_id: int
    held: Sequence[SegmentRow]
    added: AddedSegments
    first: int
    largest_id: int = (1 << 63) - 1

    def __post_init__(self) -> None:
        if self.total > MOST_SEGMENTS or self.first + self.total > self.largest_id:
            raise StorageError(
                f"photo {self.photo_id} has {len(self.held):,} segments, and no more can be added",
                "index it into another folder with --index",
            )

    @property
    def total(self) -> int:
        """Number of all segments."""
        return len(self.held) + len(self.added.segments)

    @property
    def ids(self) -> range:
        """Ids of those that are added, in their order."""
        return range(self.first + len(self.held), self.first + self.total)

    @property
    def parents(self) -> list[int | None]:
        """Ordinal of the parent of each that is added."""
        return self._parents[len(self.held) :]

    @property
    def adopted(self) -> list[tuple[int, int]]:
        """Ordinal of its new parent, and its new id, of each former one that is part of an added
        one from now on."""
        return [
            (parent, self.first + row.ordinal)
            for row, parent in zip(self.held, self._parents, strict=False)
            if parent is not None and parent >= len(self.held)
        ]

    @cached_property
    def _parents(self) -> list[int | None]:
        return parents_with(self.held, self.added.segments)
