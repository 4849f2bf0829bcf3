"""`segsearch export`: write masks, cut-outs and annotations."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.options import (
    AfterOption,
    BeforeOption,
    CameraOption,
    CountOption,
    HeadOption,
    IndexOption,
    InOption,
    JsonOption,
    MinAreaOption,
    NeighboursOption,
    NotOption,
    PerPhotoOption,
    PresetOption,
    conditions,
    headed,
    negatives,
)
from cli.output import print_json, say


class Format(StrEnum):
    """What can be written."""

    masks = "masks"
    cutouts = "cutouts"
    overlays = "overlays"
    coco = "coco"
    yolo = "yolo"
    labelme = "labelme"
    cvat = "cvat"


def export(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Export what this finds.")
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option("--ids", metavar="ID,...", help="Export these segments. Repeatable."),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Export every segment that the conditions allow.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.masks,
    raw_frame: Annotated[
        bool,
        typer.Option("--raw-frame", help="In the frame of the file's pixels, EXIF not applied."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there.")
    ] = False,
    index: IndexOption = None,
    k: CountOption = 20,
    not_: NotOption = None,
    in_: InOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    camera: CameraOption = None,
    min_area: MinAreaOption = 0.0,
    per_photo: PerPhotoOption = None,
    neighbours: NeighboursOption = 0,
    json: JsonOption = False,
    preset: PresetOption = None,
    head: HeadOption = None,
) -> None:
    """Write the masks of what words find, of chosen segments, or of all.

    Masks have the size of the upright photo. A manifest with query, scores and preset lies
    beside them.
    """
    from searchengine import SearchEngine
    from searchengine.search.query import Query

    if sum((bool(words), bool(ids), all_)) != 1:
        raise typer.BadParameter("give one of WORDS, --ids and --all")
    where = conditions(in_, after, before, camera, min_area)
    with SearchEngine.open(index, headed(preset, head)) as engine:
        query = None
        if words:
            query = Query(
                " ".join(words), None, negatives(not_), k, where, per_photo, neighbours=neighbours
            )
        report = engine.export(
            query or (where if all_ else _ids(ids or [])),
            output,
            format.value,
            raw_frame=raw_frame,
            overwrite=overwrite,
        )
        for warning in report.warnings:
            say(warning)
        for _, reason in report.skipped:
            say(f"skipped: {reason}")
        if json:
            print_json(report.to_dict())
        else:
            typer.echo(str(report))
    if report.skipped:
        raise typer.Exit(3)


def _ids(texts: list[str]) -> list[int]:
    try:
        return [int(part) for part in ",".join(texts).split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"'{','.join(texts)}' is no list of segment ids, as 3,17"
        ) from None
