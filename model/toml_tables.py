"""TOML tables as frozen dataclasses, read exactly: no unknown key, no wrong type."""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from model.errors import RecipeInvalid

T = TypeVar("T")
LARGEST = 1 << 20  # bytes of a file that is read


def read_toml(path: Path) -> dict[str, Any]:
    """Table of a TOML file.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is no TOML, too large or nested too deeply.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def from_table(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """The dataclass that a table describes.

    Fields may be bool, int, float (an integer will do), str, Literal, a union with None,
    `tuple[X, ...]` (a list), a dataclass (a table), or `Mapping[str, X]` (a table).

    Args:
        kind: the dataclass; its ValueErrors on creation are told as the table's faults.
        table: table, as read from TOML.
        where: name of the table in errors, as "[trainer]".

    Raises:
        RecipeInvalid: a key is unknown or missing, or a value is not what it should be.
    """
    if not isinstance(table, Mapping):
        raise RecipeInvalid(f"{where} is {_spelt(table)}, expected a table", "mend it")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    for key in table:
        if key not in known:
            raise RecipeInvalid(f"{where} has the unknown key '{key}'", _choices(known))
    values = {}
    for name, field in known.items():
        if name in table:
            values[name] = _value(hints[name], table[name], f"{where} {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise RecipeInvalid(f"{where} lacks the key '{name}'", "add it")
    try:
        return kind(**values)
    except ValueError as error:
        raise RecipeInvalid(f"{where} {error}", "mend the value") from error


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _value(next(k for k in inner if k is not types.NoneType), value, where)
    if origin is Literal:
        if value in inner and type(value) in {type(choice) for choice in inner}:
            return value
        raise RecipeInvalid(
            f"{where} is {_spelt(value)}", f"choose one of {', '.join(map(_spelt, inner))}"
        )
    if origin is tuple and isinstance(value, list):
        if inner[-1] is Ellipsis:
            kinds = [inner[0]] * len(value)
        elif len(inner) == len(value):
            kinds = list(inner)
        else:
            raise RecipeInvalid(
                f"{where} has {len(value)} values, expected {len(inner)}", "mend it"
            )
        return tuple(
            _value(k, v, f"{where}[{n}]") for n, (k, v) in enumerate(zip(kinds, value, strict=True))
        )
    if is_dataclass(kind) and isinstance(kind, type):
        return from_table(kind, value, where)
    if origin in (Mapping, dict) and isinstance(value, dict):
        return {key: _value(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if kind in (bool, int, float, str) and type(value) is kind:
        return value
    raise RecipeInvalid(f"{where} is {_spelt(value)}, expected {_named(kind)}", "mend the value")


def _spelt(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


def _named(kind: Any) -> str:
    names = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
    return names.get(kind, "a list" if get_origin(kind) is tuple else "a table")


def _choices(known: Mapping[str, Any]) -> str:
    return f"known are {', '.join(known)}" if known else "it has no settings"
