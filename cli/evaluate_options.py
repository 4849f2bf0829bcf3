"""Options and endings that all verbs of `segsearch evaluate` share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import JsonOption, NoBarOption, RayOption
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


@dataclass(frozen=True, kw_only=True)
class MeasuredOptions:
    """Models that are measured, and photos that they are measured on."""

    data: DataOption
    split: SplitOption = "val"
    preset: PresetOption = None
    source: SourceOption = None

    def presets(self, against: str | None) -> tuple[Preset, ...]:
        """The preset to measure and, where one is named, another to measure it against."""
        from model.presets.preset import DEFAULT, load_preset

        names = (self.preset or DEFAULT, against)
        return tuple(load_preset(each) for each in names if each is not None)

    def truth(self, limit: int | None) -> Truth:
        """The photos, so many of each source, with what is true of them."""
        return read_photos(self.data, self.split, self.source, limit)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Ways to look at the photos, and to tell of it."""

    ray: RayOption = ""
    quiet: NoBarOption = False
    json: JsonOption = False

    @contextmanager
    def measuring(self) -> Iterator[Looking]:
        """How a measurement looks at photos, with its progress."""
        from cli.progress.count import Count
        from model.evaluation.looking import Looking

        with ExitStack() as stack:
            if self.ray:
                from indexer.workers.pool import over_ray

                by = stack.enter_context(over_ray(self.ray))
                yield Looking(stack.enter_context(Count(self.quiet)), by)
            else:
                yield Looking(stack.enter_context(Count(self.quiet)))


def read_photos(data: Path, split: str, source: list[str] | None, limit: int | None) -> Truth:
    """Photos of a corpus, with what is true of them."""
    from model.datasets.ground_truth import read_truth

    return read_truth(data, split, source, limit)


def refuse_two_formats(json: bool, csv: bool) -> None:
    """Refuse what asks for two formats at once."""
    if csv and json:
        raise typer.BadParameter("--csv and --json cannot both be printed")


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
