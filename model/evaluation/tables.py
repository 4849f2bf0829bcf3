"""Figures as tables: for people to read, and for programs as plain data."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

Figures = Sequence[float | None]


@dataclass(frozen=True)
class Row:
    """One thing that was measured, by every method.

    Attributes:
        what: the figure's name.
        count: number of cases behind the mean.
        figures: one a column; None where a method was not measured.
    """

    what: str
    count: int
    figures: tuple[float | None, ...]


@dataclass(frozen=True)
class Table:
    """Figures of one task.

    Attributes:
        title: task that the table is about.
        cases: unit of the rows' counts, as "phrases".
        columns: the methods, the preset first.
        rows: the figures.

    Raises:
        ValueError: a row has not one figure a column.
    """

    title: str
    cases: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.figures) != len(self.columns):
                raise ValueError(
                    f"row '{row.what}' has {len(row.figures)} figures, expected {len(self.columns)}"
                )

    def __str__(self) -> str:
        head = ["", self.cases, *self.columns]
        lines = [[row.what, str(row.count), *map(_spelled, row.figures)] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
        spelled = [self.title]
        for line in (head, *lines):
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            spelled.append("  ".join(cells).rstrip())
        return "\n".join(spelled)

    def figure(self, what: str, column: str) -> float | None:
        """One figure by its names.

        Raises:
            KeyError: there is no such row or column.
        """
        for row in self.rows:
            if row.what == what and column in self.columns:
                return row.figures[self.columns.index(column)]
        raise KeyError((what, column))

    def beside(self, other: Table | None, own: str, name: str) -> Table:
        """The table with another preset's figures in the rows of the same names.

        Its first column comes second where columns are methods, the preset first; where they are
        ways of one preset, all of its columns come last, under its name.

        Args:
            other: table of the other preset; None where it has none of this title.
            own, name: names of the two presets.
        """
        if other is None:
            return self
        figures = {row.what: row.figures for row in other.rows}
        nothing = (None,) * len(other.columns)
        theirs = [figures.get(row.what, nothing) for row in self.rows]
        if self.columns[0] != own:
            columns = (*self.columns, *(f"{name}: {column}" for column in other.columns))
            joined = [(*row.figures, *more) for row, more in zip(self.rows, theirs, strict=True)]
        else:
            columns = (own, name, *self.columns[1:])
            joined = [
                (row.figures[0], more[0], *row.figures[1:])
                for row, more in zip(self.rows, theirs, strict=True)
            ]
        rows = zip(self.rows, joined, strict=True)
        named = tuple(Row(row.what, row.count, each) for row, each in rows)
        return Table(self.title, self.cases, columns, named)

    def records(self) -> list[list[object]]:
        """A row a figure: title, row, count, column and figure; those that were measured."""
        return [
            [self.title, row.what, row.count, column, figure]
            for row in self.rows
            for column, figure in zip(self.columns, row.figures, strict=True)
            if figure is not None
        ]

    def to_csv(self) -> str:
        """A line a row, under a header: its name, its count and its figures."""
        lines = [[row.what, row.count, *row.figures] for row in self.rows]
        return csv_text(["", self.cases, *self.columns], lines)

    def to_dict(self) -> dict[str, Any]:
        """The table as plain data."""
        rows = [
            {
                "what": row.what,
                "count": row.count,
                "figures": dict(zip(self.columns, row.figures, strict=True)),
            }
            for row in self.rows
        ]
        return {"title": self.title, "cases": self.cases, "rows": rows}


@dataclass(frozen=True)
class Measured:
    """Findings of one run of `segsearch evaluate`.

    Attributes:
        task: `retrieval`, `masks`, `proposals`, `semantic`, `referring` or `curation`.
        preset, fingerprint: name and fingerprint of the preset that was measured.
        split: split of the photos.
        photos: number of photos.
        seconds: duration of the measuring.
        tables: the figures.
        phrases: figures of each phrase; None where nobody asked for them.
        left_out: lines, one for each photo that could not be looked at.
    """

    task: str
    preset: str
    fingerprint: str
    split: str
    photos: int
    seconds: float
    tables: tuple[Table, ...]
    phrases: Table | None = None
    left_out: tuple[str, ...] = ()

    def beside(self, other: Measured) -> Measured:
        """The tables with the first columns of another preset's beside their own."""
        theirs = {table.title: table for table in other.tables}
        name = other.preset if other.preset != self.preset else f"{other.preset} (2)"
        tables = tuple(
            table.beside(theirs.get(table.title), self.preset, name) for table in self.tables
        )
        lost = self.left_out + tuple(told for told in other.left_out if told not in self.left_out)
        return replace(self, tables=tables, seconds=self.seconds + other.seconds, left_out=lost)

    def to_csv(self) -> str:
        """A line a figure, under a header: table, row, count, column, figure."""
        header = ["table", "row", "count", "column", "figure"]
        return csv_text(header, [each for table in self.tables for each in table.records()])

    def __str__(self) -> str:
        head = f"{self.task} · preset {self.preset} · {self.photos} photos of split '{self.split}'"
        return "\n\n".join([head, *map(str, self.tables)])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "task": self.task,
            "preset": self.preset,
            "fingerprint": self.fingerprint,
            "split": self.split,
            "photos": self.photos,
            "seconds": round(self.seconds, 3),
            "tables": [table.to_dict() for table in self.tables],
            **({} if self.phrases is None else {"phrases": self.phrases.to_dict()}),
            **({"left_out": list(self.left_out)} if self.left_out else {}),
        }


def csv_text(header: Sequence[str], records: Sequence[Sequence[object]]) -> str:
    """Records as CSV, under a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(records)
    return text.getvalue()


def _spelled(figure: float | None) -> str:
    if figure is None:
        return "–"
    return f"{figure:.3f}" if abs(figure) < 10 else f"{figure:.1f}"
