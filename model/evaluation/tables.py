"""Figures as tables: for people to read, and for programs as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """

    task: str
    preset: str
    fingerprint: str
    split: str
    photos: int
    seconds: float
    tables: tuple[Table, ...]

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
        }


def _spelled(figure: float | None) -> str:
    if figure is None:
        return "–"
    return f"{figure:.3f}" if abs(figure) < 10 else f"{figure:.1f}"
