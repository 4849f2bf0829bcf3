"""Options and endings that all verbs of `segsearch evaluate` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import print_json, show

if TYPE_CHECKING:
    from cli.progress.evaluation import Count
    from model.datasets.ground_truth import Truth
    from model.evaluation.tables import Measured

DataOption = Annotated[
    Path,
    typer.Option("--data", metavar="DIR", help="Folder of the annotated photos."),
]
SplitOption = Annotated[
    str, typer.Option("--split", metavar="NAME", help="Split of the photos, as annotated.")
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Models to measure: a preset's name or TOML file.",
        show_default="nano",
    ),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source", metavar="NAME", help="Folder of the data to use; all by default. Repeatable."
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        help="Number of each source's photos, the first ones; all by default.",
        min=1,
    ),
]
BaselinesOption = Annotated[
    bool,
    typer.Option(
        "--baselines/--no-baselines",
        help="Measure the methods that the preset is compared with, too.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar.")]


def read_photos(data: Path, split: str, source: list[str] | None, limit: int | None) -> Truth:
    """Photos of a corpus, with what is true of them."""
    from model.datasets.ground_truth import read_truth

    return read_truth(data, split, source, limit)


def measuring(quiet: bool) -> Count:
    """Progress of a measurement."""
    from cli.progress.evaluation import Count

    return Count(quiet)


def print_measured(measured: Measured, json: bool) -> None:
    """Print tables, or one JSON document."""
    if json:
        print_json(measured.to_dict())
    else:
        show(str(measured))
