"""`segsearch index`: look at photographs and remember them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.option_groups import takes_groups
from cli.options import (
    EngineOptions,
    JobsOption,
    JsonOption,
    NoBarOption,
    RayOption,
    ThumbnailsOption,
)
from cli.output import counted, print_json, say, show

if TYPE_CHECKING:
    from indexer.report import Report


@takes_groups
def index(
    *,
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER...", help="Folders or photos to look at; also s3://BUCKET/PREFIX."
        ),
    ],
    opened: EngineOptions,
    jobs: JobsOption = 0,
    max_megapixels: Annotated[
        float,
        typer.Option(
            "--max-megapixels", help="Largest photo, megapixels; larger are skipped.", min=0.01
        ),
    ] = 200.0,
    prune: Annotated[
        bool, typer.Option("--prune", help="Forget photos that are gone from these folders.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Prune even if a folder is missing or empty, or most would go."
        ),
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="GLOB",
            help="Pattern of what to pass over; what is indexed of it stays. Repeatable.",
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="GLOB",
            help="Pattern of what to take all the same, even hidden or in waste bins. Repeatable.",
        ),
    ] = None,
    prune_excluded: Annotated[
        bool,
        typer.Option(
            "--prune-excluded", help="Prune, and forget photos that are passed over now, too."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Index a whole machine ('/') without asking.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try unreadable photos again, though unchanged.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show what would be done; write nothing.")
    ] = False,
    no_thumbnails: ThumbnailsOption = False,
    ray: RayOption = "",
    quiet: NoBarOption = False,
    json: JsonOption = False,
) -> None:
    """Look at photographs, find their segments and remember them.

    Only what is new or changed is looked at; moved files are recognised. It may be stopped at
    any time: the next run goes on from there.
    """
    from cli.progress.indexing import Bar
    from indexer.update import Options, Progress

    ask_for_whole_machine(folders, yes)
    options = Options(
        jobs=jobs,
        max_megapixels=max_megapixels,
        prune=prune,
        force=force,
        dry_run=dry_run,
        retry=retry,
        exclude=tuple(exclude or ()),
        include=tuple(include or ()),
        prune_excluded=prune_excluded,
        thumbnails=not no_thumbnails,
        ray=ray,
    )
    with opened.open() as engine:
        if quiet:
            report = engine.index(*folders, options=options, progress=Progress())
        else:
            with Bar() as bar:
                report = engine.index(*folders, options=options, progress=bar)
        _tell(report)
        if json:
            print_json(report.to_dict() | {"index": str(engine.folder)})
        else:
            show(str(report))
    if report.newly_skipped:
        raise typer.Exit(3)


def ask_for_whole_machine(folders: list[str], yes: bool) -> None:
    """Question whether a whole machine is meant; a refusal where nobody can answer."""
    whole = [folder for folder in folders if os.path.realpath(folder) == os.path.realpath("/")]
    if not whole or yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{whole[0]} is the whole machine; add --yes if that is meant")
    typer.confirm(f"{whole[0]} is the whole machine; index all of it?", abort=True, err=True)


def _some_names(paths: list[str]) -> str:
    from model.errors import shown

    names = ", ".join(shown(Path(path).name) for path in paths[:3])
    return f"{names}{', …' if len(paths) > 3 else ''}"


def _tell(report: Report) -> None:
    for _, kind, reason in report.newly_skipped:
        say(f"skipped ({kind}): {reason}")
    if report.skipped_before:
        known = counted(report.skipped_before, "photo")
        say(f"{known} skipped before, and unchanged: see segsearch status, or --retry")
    for suffix, count in sorted(report.unsupported.items()):
        paths = [p for p in report.unsupported_paths if Path(p).suffix.lower() == suffix]
        say(f"not read here: {count} {suffix or 'without a suffix'} ({_some_names(paths)})")
    reasons: dict[str, list[str]] = {}
    for path, reason in report.passed_over:
        reasons.setdefault(reason, []).append(path)
    for reason, paths in sorted(reasons.items()):
        say(f"passed over ({reason}): {len(paths):,} ({_some_names(paths)})")
    if report.kept:
        held = counted(report.kept, "photo")
        say(f"{held} of the index passed over now, and kept; --prune-excluded forgets them")
    if report.missing:
        gone = counted(report.missing, "photo")
        say(f"{gone} no longer in these folders; --prune forgets them")
    for note in report.notes:
        say(note)
