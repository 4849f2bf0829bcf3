"""Settings: what a person would otherwise say with every command, in TOML files.

An option counts before the environment, that before `segsearch.toml` in this folder or the nearest
above it, and that before the user's own file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import typer
from typer.core import TyperGroup

NAME = "segsearch.toml"
USERS = "config.toml"
VARIABLE = "SEGSEARCH_CONFIG"
WRONG_USAGE = cast(type[Exception], typer.BadParameter.__bases__[0])  # Typer has no name for it
_ASKING = frozenset({"search", "similar", "shell"})
_LOOKING = frozenset({"index", "watch"})


@dataclass(frozen=True)
class Setting:
    """A thing that can be set.

    Attributes:
        name: name in the files.
        parameter: name of the verbs' parameter for it.
        verbs: verbs that heed it; None for all that have the parameter.
        like: verb by whose parameter a value is judged.
    """

    name: str
    parameter: str
    verbs: frozenset[str] | None
    like: str


SETTINGS = (
    Setting("index", "index", None, "search"),
    Setting("language", "language", None, "search"),
    Setting("count", "k", _ASKING, "search"),
    Setting("per-photo", "per_photo", _ASKING, "search"),
    Setting("min-confidence", "min_confidence", _ASKING, "search"),
    Setting("sort", "sort", _ASKING, "search"),
    Setting("preset", "preset", _LOOKING | {"refer"}, "index"),
    Setting("jobs", "jobs", _LOOKING, "index"),
)


@dataclass(frozen=True)
class Value:
    """A setting's value.

    Attributes:
        value: value as the verbs' options take it; None where they have none.
        origin: file or variable that says it; "" for the verbs' own default.
    """

    value: Any
    origin: str


def values(app: TyperGroup) -> dict[str, Value]:
    """Each setting's value where no option says another.

    Args:
        app: the command line, which tells defaults, variables and what values may be.

    Raises:
        typer.BadParameter: a file cannot be read, or sets what there is not or cannot be.
    """
    read, found = _read(app), {}
    for setting in SETTINGS:
        parameter = _parameter(app, setting)
        variable = str(parameter.envvar or "")
        if variable and os.environ.get(variable):
            found[setting.name] = Value(os.environ[variable], variable)
        else:
            found[setting.name] = read.get(setting.name, Value(parameter.default, ""))
    return found


def defaults(app: TyperGroup) -> dict[str, Any]:
    """What the files set, as Click's map of each verb's defaults.

    Raises:
        typer.BadParameter: see `values`.
    """
    read = _read(app)
    told = [(each, read[each.name].value) for each in SETTINGS if each.name in read]
    return _of_verbs(app, told) if told else {}


def files() -> Iterator[Path]:
    """The files of settings that are there, those first that count first.

    Raises:
        typer.BadParameter: the file that the environment names is not there.
    """
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise typer.BadParameter(f"{VARIABLE} names {named}, which is no file")
        yield Path(named).absolute()
        return
    here = Path.cwd()
    yield from [place / NAME for place in (here, *here.parents) if (place / NAME).is_file()][:1]
    if (own := users_file()) is not None and own.is_file():
        yield own


def users_file() -> Path | None:
    """The user's own file, which need not be there; None for who has no home."""
    from platformdirs import user_config_path

    try:
        folder = user_config_path("segsearch")
    except RuntimeError:
        return None
    return folder / USERS if folder.is_absolute() else None


def index_set() -> str | None:
    """The index that the environment or a file names; None where none does."""
    named = (table["index"] for _, table in _tables() if "index" in table)
    return os.environ.get("SEGSEARCH_INDEX") or next(named, None)


def _read(app: TyperGroup) -> dict[str, Value]:
    """What the files set; of each setting what counts."""
    read: dict[str, Value] = {}
    for file, table in _tables():
        for setting in SETTINGS:
            if setting.name in table:
                _judge(file, setting, table[setting.name], app)
                read.setdefault(setting.name, Value(table[setting.name], str(file)))
    return read


def _tables() -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files with what they set, each setting by its name."""
    known = [setting.name for setting in SETTINGS]
    for file in files():
        try:
            read = tomllib.loads(file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            from model.errors import shown

            raise typer.BadParameter(f"{shown(file)} cannot be read ({shown(error)})") from None
        table = {key.replace("_", "-"): value for key, value in read.items()}
        for name in table:
            if name not in known:
                from model.errors import shown

                raise typer.BadParameter(
                    f"{shown(file)}: there is no setting '{shown(name)}'; there are"
                    f" {', '.join(known)}"
                )
        if "index" in table:
            table["index"] = _index_of(file, str(table["index"]))
        yield file, table


def _index_of(file: Path, text: str) -> str:
    """An index as a file names it: a URI, or a folder as seen from the file's own."""
    if "://" in text:
        return text
    home = os.path.expanduser(text)  # noqa: PTH111, it may have none
    return str(file.parent / home)


def _judge(file: Path, setting: Setting, value: object, app: TyperGroup) -> None:
    """Refuse a value that the option would refuse."""
    from model.errors import shown

    option = _parameter(app, setting).opts[-1]
    arguments = ["anything", option, str(value)]
    try:
        app.commands[setting.like].make_context(setting.like, arguments, default_map={})
    except WRONG_USAGE as error:
        reason = " ".join(str(getattr(error, "message", error)).split())
        raise typer.BadParameter(f"{shown(file)}: {setting.name}: {reason}") from None


def _parameter(app: TyperGroup, setting: Setting) -> Any:
    verb = app.commands[setting.like]
    return next(each for each in verb.params if each.name == setting.parameter)


def _of_verbs(app: Any, told: list[tuple[Setting, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in app.commands.items():
        below: Mapping[str, Any] = getattr(command, "commands", {})
        if below:
            found[name] = _of_verbs(command, told)
            continue
        has = {parameter.name for parameter in command.params}
        found[name] = {
            setting.parameter: value
            for setting, value in told
            if setting.parameter in has and (setting.verbs is None or name in setting.verbs)
        }
    return found
