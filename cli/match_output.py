"""Formats of matches on stdout: a table for people, JSON, CSV, TSV, and paths for other tools."""

from __future__ import annotations

import csv
import io
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.answer import Answer
from cli.output import print_json, print_matches, print_paths, say, show
from cli.spoken import as_options

if TYPE_CHECKING:
    from searchengine.matches.matches import Matches


class Format(StrEnum):
    """Formats that matches are printed in."""

    table = "table"
    json = "json"
    csv = "csv"
    tsv = "tsv"
    paths = "paths"


class Sort(StrEnum):
    """Orders that matches are shown in."""

    relevance = "relevance"
    date = "date"
    size = "size"


SortOption = Annotated[
    Sort,
    typer.Option(
        "--sort",
        help="Order of the matches that were found: the best, the newest, or the largest share of"
        " its photo first.",
    ),
]
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format",
        help="Format of the answer: a table, one JSON document, CSV or TSV with a line a match, or"
        " the paths of the photos, each once.",
    ),
]
NullOption = Annotated[
    bool,
    typer.Option(
        "--null", "-0", help="End each path with a null byte, as xargs -0 wants; gives paths."
    ),
]


def chosen_format(format: Format, json: bool, null: bool) -> Format:
    """The format that the options ask for together.

    Raises:
        typer.BadParameter: two of them contradict each other.
    """
    asked = [Format.json] * json + [Format.paths] * null
    asked += [format] * (format is not Format.table)
    if len(set(asked)) > 1:
        raise typer.BadParameter(f"{' and '.join(dict.fromkeys(asked))} cannot both be printed")
    return asked[0] if asked else Format.table


class MatchPrinter:
    """Prints answers in one format; a header comes once, however many answers there are.

    Args:
        format: format of the answers.
        null: whether paths end with a null byte.
        explain: whether the table and JSON tell how the words were read.
    """

    def __init__(self, format: Format, null: bool = False, explain: bool = False) -> None:
        self.format = format
        self._null, self._explain = null, explain
        self._headed = False

    @property
    def explains(self) -> bool:
        """Whether answers tell how the words were read."""
        return self._explain

    def print(self, matches: Matches) -> None:
        """Print matches."""
        self.print_answer(Answer.of(matches, self._explain))

    def print_answer(self, answer: Answer) -> None:
        """Print one answer."""
        if self.format is Format.json:
            print_json(answer.document)
        elif self.format is Format.table:
            print_matches(answer, self._explain)
        elif self.format is Format.paths:
            print_paths(dict.fromkeys(match["photo"] for match in answer.matches), self._null)
        else:
            self._rows(answer)

    def refuse(self, line: str, error: Exception) -> None:
        """Tell that one question of several is not answered."""
        if self.format is Format.json:
            # a document for every line, or answers and questions would no longer pair up
            print_json({"query": line, "error": as_options(str(error)), "matches": []})
        else:
            say(f"{line}: {error}")

    def _rows(self, answer: Answer) -> None:
        """CSV or TSV, as a spreadsheet reads it: UTF-8, a field with a line break in quotes."""
        from searchengine.matches.match import COLUMNS, flat

        text = io.StringIO()
        delimiter = "\t" if self.format is Format.tsv else ","
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        if not self._headed:
            writer.writerow(("query", *COLUMNS))
            self._headed = True
        for match in answer.matches:
            writer.writerow((answer.document["query"], *flat(match).values()))
        _write(text.getvalue())


def _write(text: str) -> None:
    """Text as it is, but on a terminal, which control characters could command."""
    if sys.stdout.isatty():
        show(text.removesuffix("\n"))
    else:
        sys.stdout.write(text)
        sys.stdout.flush()
