"""`segsearch export`: write masks, cut-outs and annotations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.client.exporting import export_at
from cli.client.questions import question
from cli.client.server_options import ServerOptions, refuse_beside_server
from cli.option_groups import takes_groups
from cli.options import JsonOption, output_path
from cli.output import print_json, say, show
from cli.search_options import SearchOptions
from indexer.export_formats import Format

if TYPE_CHECKING:
    from searchengine import ExportReport, Filter, Matches, Query


@takes_groups
def export(
    *,
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
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE",
            help="File with the classes of one data set, a line each: NAME, or NAME: WORDS. Each"
            " thing gets the label that it fits best.",
        ),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            "--min-confidence",
            metavar="P",
            help="Least confidence of what is exported, 0 to 1.",
            min=0,
            max=1,
            show_default="0.5 of --labels, else 0",
        ),
    ] = None,
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
    margin: Annotated[
        float,
        typer.Option(
            "--margin",
            metavar="F",
            help="Space around a cut-out's box, as a share of its longer side.",
            min=0,
            max=10,
        ),
    ] = 0.0,
    val: Annotated[
        float,
        typer.Option(
            "--val",
            metavar="F",
            help="Share of the photos for the split val of a YOLO data set; 0: no split.",
            min=0,
            max=0.99,
        ),
    ] = 0.0,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace files that are there; remove the former export's."
        ),
    ] = False,
    server: ServerOptions,
    json: JsonOption = False,
    options: SearchOptions,
) -> None:
    """Write the masks of what words find, of the classes of a data set, of chosen segments, or of
    all.

    Masks have the size of the upright photo. A manifest with query, scores and preset lies
    beside them. -k counts the matches of each question (--labels: 1,000 unless given), and limits
    --all, too.
    """
    if sum((bool(words), bool(ids), all_, labels is not None)) != 1:
        raise typer.BadParameter("give one of WORDS, --labels, --ids and --all")
    if not words and labels is None:
        _refuse_asking(options, ids, min_confidence)
    if server:
        refuse_beside_server(options, {"--all": all_, "--labels": labels})
        asked: dict[str, Any] = {"ids": _ids(ids)}
        if words:
            text = " ".join(words)
            asked = {"question": question(options, words=text, least_confidence=min_confidence)}
        files = {"raw_frame": raw_frame, "polygons": polygons, "margin": margin, "val": val}
        asked |= {"format": format, "options": files}
        with server.connection() as line:
            notes, report = export_at(line, asked, output, overwrite=overwrite)
        for note in notes:
            say(note)
        _tell(report, json)
        return

    from searchengine import Query
    from searchengine.export import refuse_former_run
    from searchengine.matches.match import CONFIDENT

    what: Query | Filter | Matches | list[int] = options.where() if all_ else _ids(ids)
    if words:
        what = options.query(" ".join(words))
    with options.open() as engine:
        if labels is not None or (words and min_confidence):
            refuse_former_run(output, overwrite=overwrite)  # before models are loaded
        if labels is not None:
            least = CONFIDENT if min_confidence is None else min_confidence
            said = options.counts() | {"where": options.where()}
            said |= {"k": options.k, "all_duplicates": True}
            what = engine.label(labels, min_confidence=least, **said)
        elif isinstance(what, Query) and min_confidence:
            what = engine.search(replace(what, all_duplicates=True)).above(min_confidence)
            for note in what.notes:
                say(note)
        report = engine.export(
            what,
            output,
            format.value,
            overwrite=overwrite,
            raw_frame=raw_frame,
            polygons=polygons,
            margin=margin,
            val=val,
            k=options.k,
            per_photo=options.counts()["per_photo"],
        )
        _tell(report, json)


def _tell(report: ExportReport, json: bool) -> None:
    """Print what became of an export.

    Raises:
        typer.Exit: photos could not be exported.
    """
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


def _refuse_asking(
    options: SearchOptions, ids: list[str] | None, min_confidence: float | None
) -> None:
    """Refuse options that would do nothing where nothing is asked."""
    from searchengine import Filter

    given = [
        name
        for name, value in {
            "--not": options.not_,
            "--neighbours": options.neighbours,
            "--no-collapse": not options.collapse,
            "--min-confidence": min_confidence,
        }.items()
        if value
    ]
    if ids and (options.where() != Filter() or options.k or options.counts()["per_photo"]):
        given.append("-k, --per-photo and conditions")
    if given:
        what = "--ids" if ids else "--all"
        raise typer.BadParameter(f"{given[0]} would do nothing beside {what}; leave it out")


def _ids(texts: list[str] | None) -> list[int]:
    try:
        return [int(part) for text in texts or () for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"'{','.join(texts or ())}' is no list of segment ids, as 3,17"
        ) from None
