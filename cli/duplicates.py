"""`segsearch duplicates`: photos of an index that look the same."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import IndexOption, JsonOption
from cli.output import counted, print_json, print_paths, say, show


def duplicates(
    index: IndexOption = None,
    in_: Annotated[
        str | None,
        typer.Option("--in", metavar="GLOB", help="Pattern that photos' paths must match."),
    ] = None,
    others: Annotated[
        bool,
        typer.Option(
            "--others", help="Show only paths of files that are not the best of their group."
        ),
    ] = False,
    null: Annotated[
        bool,
        typer.Option(
            "--null", "-0", help="End each path with a null byte, as xargs -0 wants; with --others."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Find photos that look the same, and files of one content.

    A group's best is its largest photo, of these the one that was taken first. Nothing is removed.
    """
    from model.errors import shown
    from searchengine import Filter, SearchEngine

    if null and not others:
        raise typer.BadParameter("--null ends the paths of --others: give that, too")
    if others and json:
        raise typer.BadParameter("--others and --json cannot both be printed")
    with SearchEngine.open(index) as engine:
        groups = list(engine.duplicates(Filter(path_glob=in_)))
    if json:
        print_json({"groups": [group.to_dict() for group in groups]})
    elif others:
        print_paths([path for group in groups for path in group.others], null)
    else:
        for number, group in enumerate(groups, start=1):
            for photo in group.photos:
                height, width = photo.size
                for path in dict.fromkeys((photo.path, *photo.files)):
                    mark = "best" if path == group.best else ""
                    show(f"{number:5}  {f'{width}×{height}':>11}  {mark:4}  {shown(path)}")
        say(f"{counted(len(groups), 'group')} of photos that look the same")
