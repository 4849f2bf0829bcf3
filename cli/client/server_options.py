"""Options that name a server, and those that say what no server does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli.client.connection import Connection

if TYPE_CHECKING:
    from cli.options import EngineOptions
    from cli.search_options import SearchOptions

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


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Server that is asked in place of the index, if one is named."""

    server: ServerOption = None
    token: TokenOption = None

    def __bool__(self) -> bool:
        return self.server is not None

    def connection(self) -> Connection:
        """A connection to the server that is named."""
        assert self.server is not None
        return Connection(self.server, self.token)


def refuse_beside_server(local: EngineOptions | SearchOptions, given: Mapping[str, object]) -> None:
    """Refuse what a server is not asked for: an index of its own choice, and options by name.

    Args:
        local: options of the verb.
        given: values of its other options that no server heeds, by their names.

    Raises:
        ServerError: one of them is given.
    """
    from cli.options import index_path
    from cli.settings import index_set
    from model.errors import ServerError

    # an index that the environment or a file of settings names is merely passed over
    named = index_set()
    chosen = local.index is not None and (named is None or local.index != index_path(named))
    models = {"--preset": local.preset, "--head": local.head}
    for name, value in {"--index": chosen, **models, **given}.items():
        if value:
            raise ServerError(
                f"{name} cannot be asked of a server", f"leave out {name}, or --server"
            )
