"""The command `segsearch`: its verbs, and how it ends.

Exit codes: 0 done · 1 our error, told in one line · 2 wrong usage · 3 done, but photos were skipped
or questions not understood · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli.evaluate import evaluate
from cli.export import export
from cli.index import index
from cli.maintenance import doctor, status
from cli.models import models
from cli.search import search, similar
from cli.train import train

INTERRUPTED = 130  # Typer's exit code for a KeyboardInterrupt

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
    version: Annotated[
        bool,
        typer.Option("--version", help="Tell the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    pass


for _verb in (index, search, similar, export, status, doctor, train):
    app.command()(_verb)
app.add_typer(evaluate)
app.add_typer(models)


def main() -> None:
    """Run the command line, and end the process."""
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo("interrupted; what was done so far is kept", err=True)
        raise
    except BrokenPipeError:
        # the reader of our output has gone; Python's own farewell flush must not fail too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        line = _line_of(error)
        if line is None:
            raise
        typer.echo(f"segsearch: {line}", err=True)
        sys.exit(_code_of(error))


def _code_of(error: Exception) -> int:
    """Exit code of an error that is told in one line."""
    from model.errors import OutputUnusable

    return 2 if isinstance(error, OutputUnusable) else 1


def _line_of(error: Exception) -> str | None:
    """What to tell of an error that is no fault of the program; None for one that is."""
    from model.errors import SegsearchError, shown

    if isinstance(error, SegsearchError):
        return shown(error)
    if isinstance(error, OSError) and error.errno is not None:
        where = f"{shown(error.filename)}: " if error.filename else ""
        return f"{where}{error.strerror}: free or mend it, then run the command again"
    return None


if __name__ == "__main__":
    main()
