"""`segsearch export`: write masks, cut-outs and annotations."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import JsonOption, output_path
from cli.output import print_json, say, show
from cli.search_options import SearchOptions, takes_search_options

if TYPE_CHECKING:
    from searchengine import Filter, Query


class Format(StrEnum):
    """Formats that can be written."""

    masks = "masks"
    cutouts = "cutouts"
    overlays = "overlays"
    coco = "coco"
    yolo = "yolo"
    labelme = "labelme"
    cvat = "cvat"


@takes_search_options
def export(
    options: SearchOptions,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Folder to write to.", parser=output_path
        ),
    ],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Words whose matches are exported.")
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option("--ids", metavar="ID,...", help="Ids of segments to export. Repeatable."),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Export every segment that the conditions allow.")
    ] = False,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="Format of the files.")
    ] = Format.masks,
    raw_frame: Annotated[
        bool,
        typer.Option("--raw-frame", help="Lay masks out as the file's pixels, EXIF not applied."),
    ] = False,
    polygons: Annotated[
        bool, typer.Option("--polygons", help="Write COCO with polygons instead of run lengths.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace files that are there; remove the former export's."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write the masks of what words find, of chosen segments, or of all.

    Masks have the size of the upright photo. A manifest with query, scores and preset lies
    beside them.
    """
    if sum((bool(words), bool(ids), all_)) != 1:
        raise typer.BadParameter("give one of WORDS, --ids and --all")
    what: Query | Filter | list[int] = options.where() if all_ else _ids(ids)
    if words:
        what = options.query(" ".join(words))
    with options.open() as engine:
        report = engine.export(
            what,
            output,
            format.value,
            raw_frame=raw_frame,
            overwrite=overwrite,
            polygons=polygons,
        )
        for warning in report.warnings:
            say(warning)
        for _, reason in report.skipped:
            say(f"skipped: {reason}")
        if json:
            print_json(report.to_dict())
        else:
            show(str(report))
    if report.skipped:
        raise typer.Exit(3)


def _ids(texts: list[str] | None) -> list[int]:
    try:
        return [int(part) for text in texts or () for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"'{','.join(texts or ())}' is no list of segment ids, as 3,17"
        ) from None
