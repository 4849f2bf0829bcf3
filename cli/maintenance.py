"""`segsearch status` and `segsearch doctor`: what an index holds, and whether all is well."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import IndexOption, JsonOption
from cli.output import print_json, show
from cli.spoken import as_options


def status(index: IndexOption = None, json: JsonOption = False) -> None:
    """Show what an index holds, its size on disk, and which photos were skipped and why."""
    from searchengine import SearchEngine

    with SearchEngine.open(index) as engine:
        found = engine.status()
        if json:
            print_json(found.to_dict())
        else:
            show(as_options(str(found)))


def doctor(
    index: IndexOption = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Rebuild what can be rebuilt, drop what is broken.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check the environment, the weights and an index: catalog, vectors and manifest.

    Ends with 1 if a problem is left.
    """
    from searchengine.doctor import examine
    from searchengine.engine import default_folder

    diagnosis = examine(index or default_folder(), fix=fix)
    if json:
        print_json(diagnosis.to_dict())
    else:
        show(as_options(str(diagnosis)))
    if not diagnosis.healthy:
        raise typer.Exit(1)
