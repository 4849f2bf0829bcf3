"""`segsearch index`: look at photographs and remember them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import HeadOption, IndexOption, JsonOption, PresetOption, headed
from cli.output import counted, print_json, say

if TYPE_CHECKING:
    from indexer.report import Report


def index(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders or photos to look at.")
    ],
    index: IndexOption = None,
    preset: PresetOption = None,
    head: HeadOption = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Worker processes; 0 for one a core.", min=0)
    ] = 0,
    max_megapixels: Annotated[
        float,
        typer.Option("--max-megapixels", help="Skip photos with more.", min=0.01),
    ] = 200.0,
    prune: Annotated[
        bool, typer.Option("--prune", help="Forget photos that are gone from these folders.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Prune even if a folder is missing or most would go."),
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try unreadable photos again, though unchanged.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Tell what would be done; write nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    json: JsonOption = False,
) -> None:
    """Look at photographs, find their segments and remember them.

    Only what is new or changed is looked at; moved files are recognised. It may be stopped at
    any time: the next run goes on from there.
    """
    from cli.progress.indexing import Bar
    from indexer.update import Options, Progress
    from searchengine import SearchEngine

    options = Options(
        jobs=jobs,
        max_megapixels=max_megapixels,
        prune=prune,
        force=force,
        dry_run=dry_run,
        retry=retry,
    )
    with SearchEngine.open(index, headed(preset, head)) as engine:
        if quiet:
            report = engine.index(*folders, options=options, progress=Progress())
        else:
            with Bar() as bar:
                report = engine.index(*folders, options=options, progress=bar)
        _tell(report)
        if json:
            print_json(report.to_dict() | {"index": str(engine.folder)})
        else:
            typer.echo(str(report))
    if report.skipped:
        raise typer.Exit(3)


def _tell(report: Report) -> None:
    from model.errors import shown

    for _, kind, reason in report.skipped:
        say(f"skipped ({kind}): {reason}")
    for suffix, count in sorted(report.unsupported.items()):
        paths = [p for p in report.unsupported_paths if p.lower().endswith(suffix)]
        names = ", ".join(shown(Path(p).name) for p in paths[:3])
        say(f"not read here: {count} {suffix} ({names}{', …' if count > 3 else ''})")
    if report.missing:
        gone = counted(report.missing, "photo")
        say(f"{gone} no longer in these folders; --prune forgets them")
    for note in report.notes:
        say(note)
