"""Options that several verbs share, and how their texts are read."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from indexer.catalog.records import Filter
    from searchengine.search.query import Negative


def output_path(text: str) -> Path:
    """A path to write to; an empty one is refused, which `Path` takes for the current folder."""
    from model.errors import OutputUnusable

    if not text.strip():
        raise OutputUnusable("the name of the output is empty", "give one")
    return Path(text)


IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="DIR",
        envvar="SEGSEARCH_INDEX",
        help="The index' folder.",
        show_default="in the user's data folder",
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Models to look with: a preset's name or TOML file.",
        show_default="the index' own, or nano",
    ),
]
HeadOption = Annotated[
    Path | None,
    typer.Option(
        "--head",
        metavar="FILE",
        help="With --preset: a trained head of yours (.safetensors) in place of its own.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
CountOption = Annotated[int, typer.Option("-k", "--count", help="Matches at the most.", min=1)]
NotOption = Annotated[
    list[str] | None,
    typer.Option(
        "--not",
        metavar="WORDS",
        help="What matches should not show; WEIGHT:WORDS for a weight other than 0.5. Repeatable.",
    ),
]
InOption = Annotated[
    str | None,
    typer.Option("--in", metavar="GLOB", help="Only photos whose path matches, as '2023/*'."),
]
AfterOption = Annotated[
    str | None,
    typer.Option("--after", metavar="DATE", help="Only photos taken then or later: 2023-05-17."),
]
BeforeOption = Annotated[
    str | None, typer.Option("--before", metavar="DATE", help="Only photos taken before then.")
]
CameraOption = Annotated[
    str | None, typer.Option("--camera", metavar="TEXT", help="Only photos of such a camera.")
]
MinAreaOption = Annotated[
    float,
    typer.Option(
        "--min-area", metavar="F", help="Smallest segment, as a share of its photo.", min=0, max=1
    ),
]
PerPhotoOption = Annotated[
    int | None, typer.Option("--per-photo", metavar="N", help="Matches from one photo.", min=1)
]
NeighboursOption = Annotated[
    int,
    typer.Option(
        "--neighbours",
        metavar="N",
        help="Judge each segment also by the N most like it in other photos; takes longer.",
        min=0,
    ),
]
SheetOption = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        metavar="FILE",
        help="Draw the matches with their masks into a picture, .png or .jpg.",
        parser=output_path,
    ),
]
OverwriteOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files that are there, also those not made here."),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the drawn matches in a viewer.")]


def headed(preset: str | None, head: Path | None) -> str | None:
    """The preset's name with the head, as `load_preset` reads it."""
    if head is None:
        return preset
    if preset is None or head.suffix != ".safetensors":
        raise typer.BadParameter("give a .safetensors file, and --preset with it")
    return f"{preset}+{head}"


def conditions(
    glob: str | None,
    after: str | None,
    before: str | None,
    camera: str | None,
    min_area: float,
) -> Filter:
    """The filter that the options ask for."""
    from indexer.catalog.records import Filter

    return Filter(
        path_glob=glob,
        after=None if after is None else moment(after),
        before=None if before is None else moment(before),
        camera=camera,
        min_area=min_area,
    )


def moment(text: str) -> datetime:
    """The start of the year, month, day, hour, minute or second that a text names."""
    parts = re.fullmatch(
        r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[ T](\d\d?)(?::(\d\d)(?::(\d\d))?)?)?)?)?", text.strip()
    )
    try:
        if parts is None:
            raise ValueError(text)
        year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups())
        return datetime(year, month or 1, day or 1, hour, minute, second)
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is no date; give one as 2023, 2023-05 or 2023-05-17"
        ) from None


def negatives(texts: list[str] | None) -> tuple[Negative, ...]:
    """The negatives, each `WORDS` or `WEIGHT:WORDS`."""
    from searchengine.search.query import Negative

    parsed = []
    for text in texts or ():
        weighted = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+):(.+)", text, re.DOTALL)
        if weighted:
            parsed.append(Negative(weighted[2], float(weighted[1])))
        else:
            parsed.append(Negative(text))
    return tuple(parsed)


def numbers(text: str, count: int, meaning: str) -> tuple[float, ...]:
    """That many numbers between commas."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(abs(v) < 1e9 for v in values):
        raise typer.BadParameter(f"'{text}' is not {meaning}")
    return values
