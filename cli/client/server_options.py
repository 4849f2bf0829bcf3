"""Options that name a server, and those that say what no server does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Address of a running segsearch serve that is asked in place of the index, so that no"
        " model is loaded here.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TEXT",
        envvar="SEGSEARCH_TOKEN",
        help="Secret that the server asks for.",
    ),
]


def refuse_beside_server(
    index: Path | None, preset: str | None, head: Path | None, given: Mapping[str, object]
) -> None:
    """Refuse what a server is not asked for: an index of its own choice, and options by name.

    Raises:
        ServerError: one of them is given.
    """
    from cli.options import index_path
    from cli.settings import index_set
    from model.errors import ServerError

    # an index that the environment or a file of settings names is merely passed over
    named = index_set()
    chosen = index is not None and (named is None or index != index_path(named))
    for name, value in {"--index": chosen, "--preset": preset, "--head": head, **given}.items():
        if value:
            raise ServerError(
                f"{name} cannot be asked of a server", f"leave out {name}, or --server"
            )
