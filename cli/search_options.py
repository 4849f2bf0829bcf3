"""Search options: what `search`, `similar` and `export` can all be told, said once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import HeadOption, IndexOption, PresetOption, headed, numbers

if TYPE_CHECKING:
    from searchengine import Filter, Negative, Query, SearchEngine


FEW = 3  # matches of one photo where they are shown: one front of windows must not fill an answer


def moment(text: str) -> datetime:
    """The start of the year, month, day, hour, minute or second that a text names."""
    from indexer.catalog.date_text import start_of
    from model.errors import QueryError

    try:
        return start_of(text)
    except QueryError as error:
        raise typer.BadParameter(str(error)) from None


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Index, preset, conditions and counts of one search, as the command line gives them."""

    index: IndexOption = None
    k: Annotated[
        int | None,
        typer.Option(
            "-k", "--count", metavar="N", help="Most matches to show.", min=1, show_default="20"
        ),
    ] = None
    not_: Annotated[
        list[str] | None,
        typer.Option(
            "--not",
            metavar="WORDS",
            help="Words for what matches should not show; WEIGHT:WORDS for a weight other than 0.5."
            " Repeatable.",
        ),
    ] = None
    in_: Annotated[
        str | None,
        typer.Option(
            "--in", metavar="GLOB", help="Pattern that photos' paths must match, as '2023/*'."
        ),
    ] = None
    after: Annotated[
        datetime | None,
        typer.Option(
            "--after",
            metavar="DATE",
            parser=moment,
            help="Date, as 2023-05-17; only photos taken then or later.",
        ),
    ] = None
    before: Annotated[
        datetime | None,
        typer.Option(
            "--before",
            metavar="DATE",
            parser=moment,
            help="Date, as 2023-05-17; only photos taken before it.",
        ),
    ] = None
    camera: Annotated[
        str | None,
        typer.Option("--camera", metavar="TEXT", help="Text that the camera's name must contain."),
    ] = None
    min_area: Annotated[
        float,
        typer.Option(
            "--min-area",
            metavar="F",
            help="Smallest segment, as a share of its photo's area, 0 to 1.",
            min=0,
            max=1,
        ),
    ] = 0.0
    max_area: Annotated[
        float,
        typer.Option(
            "--max-area",
            metavar="F",
            help="Largest segment, as a share of its photo's area, 0 to 1.",
            min=0,
            max=1,
        ),
    ] = 1.0
    near: Annotated[
        str | None,
        typer.Option(
            "--near",
            metavar="LAT,LON,KM",
            help="Place, in degrees, and distance in kilometres; only photos that tell that they"
            " were taken there.",
        ),
    ] = None
    place: Annotated[
        list[str] | None,
        typer.Option(
            "--place",
            metavar="PLACE",
            help="Where in its photo a segment's middle lies: left, centre, right, top, middle,"
            " bottom, or two of them as 'top left'. Repeatable: one of these.",
        ),
    ] = None
    unique_photos: Annotated[
        bool, typer.Option("--unique-photos", help="Show each photo once; as --per-photo 1.")
    ] = False
    per_photo: Annotated[
        int | None,
        typer.Option(
            "--per-photo",
            metavar="N",
            help="Most matches from one photo; 0: any number.",
            min=0,
            show_default="3 where matches are shown, else any number",
        ),
    ] = None
    neighbours: Annotated[
        int,
        typer.Option(
            "--neighbours",
            metavar="N",
            help="Number of like segments in other photos to judge each by, too; takes longer.",
            min=0,
        ),
    ] = 0
    collapse: Annotated[
        bool,
        typer.Option(
            "--collapse/--no-collapse",
            help="Show segments that overlap, and photos that look the same, once.",
        ),
    ] = True
    all_duplicates: Annotated[
        bool,
        typer.Option(
            "--all-duplicates",
            help="Show photos that look the same each for itself; an export always does.",
        ),
    ] = False
    language: Annotated[
        str,
        typer.Option(
            "--language",
            metavar="CODE",
            envvar="SEGSEARCH_LANGUAGE",
            help="Language of the words. 'auto' takes them for English where each is an English"
            " word; else en, de, es, fr, it, nl, pl, pt, ru, tr, ar, ja, ko, th or zh.",
        ),
    ] = "auto"
    preset: PresetOption = None
    head: HeadOption = None

    def open(self) -> SearchEngine:
        """The engine over the index, with the preset that is asked for."""
        from searchengine import SearchEngine

        return SearchEngine.open(self.index, headed(self.preset, self.head))

    def spread(self) -> SearchOptions:
        """These options for matches that are shown: of each photo a few, unless told otherwise."""
        return replace(self, per_photo=FEW) if self.per_photo is None else self

    def query(self, words: str, **more: Any) -> Query:
        """The words as a query with these options, and other fields of a query."""
        from searchengine import Query

        return Query(words=words, where=self.where(), **self.counts(), **more)

    def counts(self) -> dict[str, Any]:
        """Keyword arguments beside words and conditions, as `Query` and `similar` take them."""
        return self.plain_counts() | {"negatives": self.negatives()}

    def plain_counts(self) -> dict[str, Any]:
        """Those of them that are numbers, flags and texts."""
        return {
            "k": 20 if self.k is None else self.k,
            "per_photo": 1 if self.unique_photos else self.per_photo or None,
            "neighbours": self.neighbours,
            "collapse": self.collapse,
            "all_duplicates": self.all_duplicates,
            "language": self.language,
        }

    def where(self) -> Filter:
        """The conditions on photos and segments."""
        from searchengine import Filter

        return Filter(
            path_glob=self.in_,
            after=self.after,
            before=self.before,
            camera=self.camera,
            min_area=self.min_area,
            max_area=self.max_area,
            near=self.neighbourhood(),
            places=tuple(self.place or ()),
        )

    def neighbourhood(self) -> tuple[float, float, float] | None:
        """Latitude, longitude and kilometres of `--near`."""
        if self.near is None:
            return None
        latitude, longitude, kilometres = numbers(self.near, 3, "a place LAT,LON,KM")
        return latitude, longitude, kilometres

    def negatives(self) -> tuple[Negative, ...]:
        """The negatives."""
        from searchengine import Negative

        return tuple(Negative(**each) for each in self.weighted())

    def weighted(self) -> list[dict[str, Any]]:
        """Words of the negatives, each given as `WORDS` or `WEIGHT:WORDS`, with their weights."""
        from model.language.weighted_words import weighted_words

        read = [weighted_words(text) for text in self.not_ or ()]
        return [
            {"words": words} | ({} if weight is None else {"weight": weight})
            for words, weight in read
        ]
