"""The verbs of the command `segsearch`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.config import config
from cli.curate import curate
from cli.duplicates import duplicates
from cli.evaluate import evaluate
from cli.export import export
from cli.feedback import feedback
from cli.history import history
from cli.index import index
from cli.maintenance import doctor, status
from cli.migrate import migrate
from cli.models import models
from cli.refer import refer
from cli.saved import saved
from cli.search import search, similar
from cli.serve import serve
from cli.shell import shell
from cli.train import train
from cli.watch import watch

app = typer.Typer(
    name="segsearch",
    help="Search a photo collection by what its segments show: type words, get masks.",
    epilog="Start with: segsearch index FOLDER, then: segsearch search WORDS --sheet found.png",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"segsearch {version('segsearch')}")
        raise typer.Exit


@app.callback()
def _segsearch(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    from cli.settings import defaults

    context.default_map = defaults(context.command)  # type: ignore[arg-type]


_VERBS = (
    *(index, watch, search, similar, shell, refer, duplicates, export, history, serve),
    *(status, doctor, migrate, config, curate, train),
)
for _verb in _VERBS:
    app.command()(_verb)
app.add_typer(evaluate)
app.add_typer(models)
app.add_typer(saved)
app.add_typer(feedback)
