"""Options that several verbs share, and how their texts are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from searchengine import Example, SearchEngine


def output_path(text: str) -> Path:
    """A path to write to; an empty one is refused, which `Path` takes for the current folder."""
    from model.errors import OutputUnusable

    if not text.strip():
        raise OutputUnusable("the name of the output is empty", "give one")
    return Path(text)


def index_path(text: str) -> Path:
    """The folder of an index that is named by its folder or its URI."""
    from indexer.location import index_folder

    return index_folder(text)


IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="DIR",
        envvar="SEGSEARCH_INDEX",
        parser=index_path,
        help="Index folder, or the URI of an index in a database.",
        show_default="in the user's data folder",
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Preset whose models are used: its name or TOML file.",
        show_default="the one that made the index, or nano",
    ),
]
HeadOption = Annotated[
    Path | None,
    typer.Option(
        "--head",
        metavar="FILE",
        help="Trained head of yours (.safetensors) in place of the preset's own; with --preset.",
    ),
]
JobsOption = Annotated[
    int, typer.Option("--jobs", "-j", help="Number of worker processes; 0: one a core.", min=0)
]
RayOption = Annotated[
    str,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Ray cluster whose machines look at the photos: 'local', 'auto', or host:port.",
    ),
]
ThumbnailsOption = Annotated[
    bool, typer.Option("--no-thumbnails", help="Keep no small pictures; they are made when seen.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
NoBarOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ExplainOption = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Tell how the words were read, what each stage made of it, and what was proposed.",
    ),
]
SheetOption = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        metavar="FILE",
        help="Picture file, .png or .jpg, that the matches with their masks are drawn into.",
        parser=output_path,
    ),
]
GalleryOption = Annotated[
    Path | None,
    typer.Option(
        "--gallery",
        metavar="FILE",
        help="HTML file that shows the matches with their masks; its pictures are in it.",
        parser=output_path,
    ),
]
OverwriteOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files that are there, also those not made here."),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the drawn matches in a viewer.")]


WordsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="WORDS", help="Words to search for.")
]
PhotoArgument = Annotated[
    str | None, typer.Argument(metavar="PHOTO", help="Photo, indexed or not.")
]


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Index, and the models that it is asked or made with."""

    index: IndexOption = None
    preset: PresetOption = None
    head: HeadOption = None

    def open(self) -> SearchEngine:
        """The engine over the index, with the preset that is asked for."""
        from searchengine import SearchEngine

        return SearchEngine.open(self.index, headed(self.preset, self.head))


def headed(preset: str | None, head: Path | None) -> str | None:
    """The preset's name with the head, as `load_preset` reads it."""
    if head is None:
        return preset
    if preset is None or head.suffix != ".safetensors":
        raise typer.BadParameter("give a .safetensors file, and --preset with it")
    return f"{preset}+{head}"


def numbers(text: str, count: int, meaning: str) -> tuple[float, ...]:
    """Numbers between commas, as many as asked for."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(abs(v) < 1e9 for v in values):
        raise typer.BadParameter(f"'{text}' is not {meaning}")
    return values


LikeOption = Annotated[
    list[int] | None,
    typer.Option(
        "--like",
        metavar="ID",
        help="Segment that was judged right: more like it are looked for, and it is not shown"
        " again. Repeatable.",
    ),
]
UnlikeOption = Annotated[
    list[int] | None,
    typer.Option(
        "--unlike",
        metavar="ID",
        help="Segment that was judged wrong: it is not shown again. Repeatable.",
    ),
]
AtOption = Annotated[
    str | None,
    typer.Option(metavar="X,Y", help="Point in the photo; its smallest segment is the example."),
]
BoxOption = Annotated[
    str | None, typer.Option(metavar="X,Y,W,H", help="Box in the photo around the example.")
]
SegmentOption = Annotated[
    int | None, typer.Option(metavar="ID", help="Segment of the index, by its id.")
]


def pointed_at(photo: str | None, at: str | None, box: str | None, segment: int | None) -> Example:
    """The example that options point at."""
    from searchengine import Example

    return Example(
        photo,
        None if at is None else cast(tuple[float, float], numbers(at, 2, "a point X,Y")),
        None
        if box is None
        else cast(tuple[float, float, float, float], numbers(box, 4, "a box X,Y,W,H")),
        segment,
    )
