"""Pictures of answers that the command line is asked for: contact sheets and galleries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.options import GalleryOption, OpenOption, OverwriteOption, SheetOption
from cli.output import say

if TYPE_CHECKING:
    from searchengine import Matches

PER_QUERY = 12  # tiles of a query where a sheet shows several


@dataclass(frozen=True, kw_only=True)
class DrawnOutput:
    """Files that answers are drawn into.

    Attributes:
        sheet: picture file; None: none, or a temporary one where it is opened.
        gallery: HTML file; None: none.
        open_: whether what is drawn is opened in a viewer.
        overwrite: whether files that were not made here are replaced.
    """

    sheet: SheetOption = None
    gallery: GalleryOption = None
    open_: OpenOption = False
    overwrite: OverwriteOption = False

    def __bool__(self) -> bool:
        return self.open_ or self.sheet is not None or self.gallery is not None

    @property
    def given(self) -> dict[str, object]:
        """The options that ask for something to be drawn, by their names."""
        return {"--sheet": self.sheet, "--gallery": self.gallery, "--open": self.open_}

    def check(self) -> None:
        """Refuse what could not be written, before any model is loaded."""
        if self.sheet is not None:
            from searchengine.pictures.contact_sheet import check_place

            check_place(self.sheet, overwrite=self.overwrite)
        if self.gallery is not None:
            from searchengine.pictures.gallery import check_gallery

            check_gallery(self.gallery, overwrite=self.overwrite)

    def draw(self, answers: Sequence[Matches]) -> None:
        """Draw the answers, if that is asked for."""
        if not self:
            return
        sheet = self.sheet
        if sheet is None and self.gallery is None:
            import tempfile

            sheet = Path(tempfile.mkdtemp(prefix="segsearch-")) / "matches.png"
        if sheet is not None:
            from searchengine.pictures.contact_sheet import contact_sheet

            most = PER_QUERY if len(answers) > 1 else max(map(len, answers), default=1)
            contact_sheet(answers, sheet, per_query=max(most, 1), overwrite=self.overwrite)
            say(f"drawn: {sheet}")
        if self.gallery is not None:
            from searchengine.pictures.gallery import gallery

            gallery(answers, self.gallery, overwrite=self.overwrite)
            say(f"drawn: {self.gallery}")
        if self.open_:
            typer.launch(str(sheet or self.gallery))
