"""`segsearch config`: what is set, and where."""

from __future__ import annotations

import typer

from cli.options import JsonOption
from cli.output import print_json, say, show


def config(context: typer.Context, json: JsonOption = False) -> None:
    """Show settings, their values and where each comes from.

    An option counts before the environment, that before segsearch.toml in this folder or the
    nearest above it, and that before the user's own file. Settings: index, language, count,
    per-photo, min-confidence, sort (of searches), preset and jobs (of indexing).
    """
    from cli.settings import NAME, users_file, values

    found = values(context.find_root().command)  # type: ignore[arg-type]
    if json:
        told = {
            name: {"value": _plain(each.value), "origin": each.origin or None}
            for name, each in found.items()
        }
        print_json({"settings": told})
        return
    for name, each in found.items():
        value = "–" if each.value is None else str(_plain(each.value))
        show(f"{name:<15} {value:<24} {each.origin or 'default'}")
    own = users_file()
    say(f"files: {NAME} here or above" + (f", then {own}" if own is not None else ""))


def _plain(value: object) -> object:
    """A value as JSON and people have it."""
    return value if value is None or isinstance(value, int | float) else str(value)
