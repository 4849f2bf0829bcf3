"""`segsearch models`: the weights that presets look with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import JsonOption, QuietOption
from cli.output import print_json, say, show

if TYPE_CHECKING:
    from model.presets.inventory import Item

models = typer.Typer(
    name="models",
    help="The weights that presets look with: list them, fetch them, check them, find them.",
    epilog="Licences, sources and how to use files of your own: docs/models.md",
    no_args_is_help=True,
)


def _complete(incomplete: str) -> list[str]:
    from model.presets.preset import preset_names

    return [name for name in preset_names() if name.startswith(incomplete)]


NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME...]",
        help="Presets, by name or TOML file; PRESET:ROLE for one of its weights.",
        autocompletion=_complete,
        show_default="all bundled ones",
    ),
]


@models.command("list")
def list_(names: NamesArgument = None, json: JsonOption = False) -> None:
    """List sizes, licences and sources of weights, and which of them are here."""
    from model.presets.inventory import inventory
    from model.weights.cache import cache_folder

    items = inventory(names or ())
    if json:
        print_json({"cache": str(cache_folder()), "weights": [item.to_dict() for item in items]})
        return
    _print_table(items)
    say(f"the cache is {cache_folder()}")


@models.command()
def pull(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Presets, by name or TOML file; PRESET:ROLE for one of its weights.",
            autocompletion=_complete,
        ),
    ],
    offline: Annotated[
        bool, typer.Option("--offline", help="Leave the network alone: only check what is here.")
    ] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Fetch the weights that are not here yet, and check what comes.

    It may be stopped at any time, even by kill -9: the next run goes on from there. Nothing else
    in segsearch opens a connection.
    """
    from cli.progress.download import Transfer
    from model.errors import shown
    from model.presets.inventory import inventory
    from model.weights.download import TransferProgress
    from model.weights.pull import pull as fetch
    from model.weights.weights import megabytes

    items = inventory(names)
    _warn_of_licences(items)
    missing = sum(item.weights.size for item in items if item.state == "missing")
    if missing and not quiet:
        say(f"to fetch: {megabytes(missing)}")
    fetched = []
    with Transfer(quiet) as transfer:
        for item in items:
            files = fetch(item.weights, TransferProgress() if quiet else transfer, offline=offline)
            fetched += [f"{item.weights.origin}/{file.name}" for file in files]
    if json:
        print_json({"fetched": fetched, "weights": [item.to_dict() for item in items]})
        return
    for item in items:
        show(shown(item.weights.path()))


@models.command()
def verify(names: NamesArgument = None, json: JsonOption = False) -> None:
    """Read weights again, byte for byte, and compare them with their SHA-256.

    Ends with 1 if one is wrong or, of those that were named, missing or not fetched.
    """
    from model.errors import shown
    from model.presets.inventory import inventory

    items = [item for item in inventory(names or ()) if names or item.state != "missing"]
    checked = [item.checked() for item in items]
    if json:
        print_json({"weights": [item.to_dict() for item in checked]})
    else:
        for item in checked:
            right = "right" if item.pinned or item.weights.published else "here, not pinned"
            where = f"{shown(item.preset):<8} {shown(item.weights.role):<12}"
            if item.state == "missing" and item.weights.published:
                right = f"not fetched: segsearch models pull {shown(item.weights.preset)}"
            elif item.problem:
                right = f"WRONG  {shown(item.problem)}"
            show(f"{where} {right}")
    if any(item.problem for item in checked):
        raise typer.Exit(1)


@models.command()
def path(names: NamesArgument = None, json: JsonOption = False) -> None:
    """Show where weights lie, one a line; without names, the cache's folder."""
    from model.errors import shown
    from model.presets.inventory import inventory
    from model.weights.cache import cache_folder

    found = [item.weights.path() for item in inventory(names)] if names else [cache_folder()]
    if json:
        print_json({"paths": [str(each) for each in found]})
        return
    for each in found:
        show(shown(each))


def _print_table(items: Iterable[Item]) -> None:
    from model.errors import shown
    from model.weights.weights import megabytes

    show("preset   weights           size  state    licence     SHA-256       source")
    for item in items:
        size = megabytes(item.weights.size) if item.weights.size else "?"
        licence = shown(item.weights.licence.partition(";")[0]) or "?"
        show(
            f"{shown(item.preset):<8} {shown(item.weights.role):<12} {size:>9}  {item.state:<8} "
            f"{licence:<11} {item.sha256[:12] or '?':<12}  {shown(item.weights.origin)}"
        )


def _warn_of_licences(items: Iterable[Item]) -> None:
    for item in items:
        if not item.weights.permissive:
            licence = item.weights.licence or "unknown"
            say(
                f"{item.preset} {item.weights.role}: licence {licence}; see what it allows at"
                f" {item.weights.origin}"
            )
