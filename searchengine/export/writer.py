"""Parts of a writer that all formats have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from indexer.catalog.records import PhotoRow
from searchengine.export.framed import Framed
from searchengine.export.layout import Layout
from searchengine.export.manifest import ExportManifest
from searchengine.export.photo_names import PhotoNames
from searchengine.matches.match import Match
from searchengine.output_files import made_below, refusal, write


@dataclass(frozen=True, eq=False)
class Task:
    """One export.

    Attributes:
        folder: folder of the export; it exists.
        manifest: list that every file is added to.
        categories: names of what segments show; a segment without a label shows the first.
        words: words of the query; empty where there was none.
        layout: choices about the files.
        photos: names of the photos.
        made: folders below that are known to be there; "" is the export's own.
    """

    folder: Path
    manifest: ExportManifest
    categories: tuple[str, ...]
    words: str
    layout: Layout
    photos: PhotoNames
    made: set[str] = field(default_factory=lambda: {""})

    def framed(self, match: Match) -> Framed:
        """The match's mask in the frame of this export."""
        return Framed(match, self.layout.raw_frame)

    def category_of(self, match: Match) -> int:
        """Place of the match's category among `categories`."""
        return 0 if match.label is None else self.categories.index(match.label)

    def place(self, name: str) -> Path:
        """Path of a file of this name, its folder made.

        Raises:
            StorageFull, ExportError: the folder leads elsewhere by a link, or cannot be made.
        """
        below = name.rpartition("/")[0]
        if below not in self.made:
            made_below(self.folder, below)
            self.made.add(below)
        return self.folder / name

    def write(
        self, name: str, data: bytes, photo: PhotoRow | None = None, matches: Sequence[Match] = ()
    ) -> None:
        """Write a whole file and list it.

        Raises:
            StorageFull, ExportError: the file cannot be written.
        """
        place = self.place(name)
        write(place, data)
        try:
            self.manifest.wrote(name, photo, matches)
        except OSError as error:  # what is not listed must not stay
            place.unlink(missing_ok=True)
            raise refusal(error, place) from error


class Writer(ABC):
    """Writes one format. Photos come one after the other, each with all its matches.

    Attributes:
        streamed: names of the files that are open from the first photo to the last.
        fixed: names of the other files that do not depend on the matches.
    """

    streamed: ClassVar[tuple[str, ...]] = ()
    fixed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, task: Task, closing: ExitStack) -> None:
        """Begin an export; what has to be closed at its end, well or not, goes to `closing`."""
        self.task = task

    @classmethod
    def names(
        cls, photo: PhotoRow, matches: Sequence[Match], photos: PhotoNames, layout: Layout
    ) -> list[str]:
        """Names of the files that `add` will write, below the export's folder, with "/"."""
        return []

    @abstractmethod
    def add(self, photo: PhotoRow, matches: Sequence[Match]) -> None:
        """Write what is to be written of one photo.

        Raises:
            PhotoError: its pixels are needed and cannot be read; nothing is written of it.
            StorageFull, ExportError: a file cannot be written.
        """

    def finish(self) -> None:  # noqa: B027
        """Write what comes after the last photo."""
