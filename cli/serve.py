"""`segsearch serve`: the page and its API, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import IndexOption, PresetOption
from cli.output import show


def serve(
    index: IndexOption = None,
    preset: PresetOption = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on; any but this machine's own needs --token.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", help="Port; 0 for any that is free.", min=0, max=65_535
        ),
    ] = 8017,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TEXT",
            envvar="SEGSEARCH_TOKEN",
            help="Secret that is asked of everybody: open the address with ?token=TEXT once.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="Name by which a proxy or others in the network call this server. Repeatable.",
        ),
    ] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            "--root",
            metavar="DIR",
            help="Folder below which the page may index photos. Repeatable.",
        ),
    ] = None,
    exports: Annotated[
        Path | None,
        typer.Option(
            "--exports",
            metavar="DIR",
            help="Folder below which the page may write exports.",
            show_default="zip files only",
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve the index that `make demo` made.")
    ] = False,
) -> None:
    """Serve the page to search with, and its API; prints its address, ends when interrupted."""
    from model.errors import ExtraMissing
    from searchengine.engine import default_folder

    if demo and index is not None:
        raise typer.BadParameter("give one of --demo and --index")
    try:
        from searchengine.web.server import serve as run
        from searchengine.web.settings import ServeSettings
    except ModuleNotFoundError as error:
        raise ExtraMissing(
            f"the page needs {error.name}, which is not installed",
            "install segsearch[serve]",
        ) from error
    settings = ServeSettings(
        folder=Path("demo") / "index" if demo else index or default_folder(),
        preset=preset,
        host=host,
        port=port,
        token=token,
        allowed_hosts=tuple(allow_host or ()),
        roots=tuple(root or ()),
        export_folder=exports,
        demo=demo,
    )

    def announce(address: str) -> None:
        show(address)
        if open_:
            typer.launch(address if token is None else f"{address}?token={token}")

    run(settings, announce)
