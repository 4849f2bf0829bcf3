"""Options and endings that all verbs of `segsearch evaluate` share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import print_json, say, show

if TYPE_CHECKING:
    from model.datasets.ground_truth import Truth
    from model.evaluation.looking import Looking
    from model.evaluation.tables import Measured
    from model.presets.preset import Preset

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
AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="NAME",
        help="Another preset, by name or TOML file, whose figures are shown beside.",
    ),
]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print a CSV line a figure.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar.")]


def read_photos(data: Path, split: str, source: list[str] | None, limit: int | None) -> Truth:
    """Photos of a corpus, with what is true of them."""
    from model.datasets.ground_truth import read_truth

    return read_truth(data, split, source, limit)


@contextmanager
def measuring(quiet: bool, ray: str) -> Iterator[Looking]:
    """How a measurement looks at photos, with its progress.

    Args:
        quiet: show no progress.
        ray: address of the Ray cluster whose machines look; "": this process.
    """
    from cli.progress.count import Count
    from model.evaluation.looking import Looking

    with ExitStack() as stack:
        if ray:
            from indexer.workers.pool import over_ray

            by = stack.enter_context(over_ray(ray))
            yield Looking(stack.enter_context(Count(quiet)), by)
        else:
            yield Looking(stack.enter_context(Count(quiet)))


def refuse_two_formats(json: bool, csv: bool) -> None:
    """Refuse what asks for two formats at once."""
    if csv and json:
        raise typer.BadParameter("--csv and --json cannot both be printed")


def presets(name: str | None, against: str | None) -> tuple[Preset, ...]:
    """The preset to measure and, where one is named, another to measure it against."""
    from model.presets.preset import DEFAULT, load_preset

    return tuple(load_preset(each) for each in (name or DEFAULT, against) if each is not None)


def print_beside(measured: Sequence[Measured], json: bool, csv: bool) -> None:
    """Print the tables of one preset, or those of two beside each other: for people, as one JSON
    document or as CSV."""
    first, *others = measured
    for other in others:
        first = first.beside(other)
    if json:
        print_json(first.to_dict())
    else:
        show(first.to_csv().rstrip("\n") if csv else str(first))
    for told in first.left_out:
        say(f"left out: {told}")
    if first.left_out:
        raise typer.Exit(3)
