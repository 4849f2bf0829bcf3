"""`segsearch migrate`: carry an index into another folder or database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, NoBarOption, index_path
from cli.output import counted, print_json, say, show

_FOLDER = "Index folder, or the URI of an index in a database"


def migrate(
    source: Annotated[
        Path, typer.Argument(metavar="FROM", parser=index_path, help=f"{_FOLDER}; only read.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TO", parser=index_path, help=f"{_FOLDER}; made where there is none."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show what would be copied; write nothing.")
    ] = False,
    quiet: NoBarOption = False,
    json: JsonOption = False,
) -> None:
    """Copy all that an index remembers into another: photos, masks and vectors as they are.

    It may be stopped at any time: the next run goes on with what is missing. Copies are compared
    by checksums. Saved searches, history and judgements stay where they are.
    """
    from cli.progress.count import Count
    from indexer.migration import migrate as copy

    with Count(quiet, "copying") as count:
        report = copy(source, target, dry_run=dry_run, told=count)
    if report.note:
        say(report.note)
    if json:
        print_json(report.to_dict())
        return
    verb = "would be copied" if dry_run else "copied"
    told = f"{counted(report.copied, 'photo')} {verb}, {counted(report.segments, 'segment')}"
    told += f"; {report.there:,} there already" if report.there else ""
    told += f"; {report.others:,} in the target alone" if report.others else ""
    show(told)
