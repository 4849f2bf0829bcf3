"""Conditions given by name, beside or in place of a whole `Filter`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any, TypedDict

from indexer.catalog.filter import Filter


class Conditions(TypedDict, total=False):
    """The fields of a `Filter`, any of them."""

    path_glob: str | None
    after: str | date | None
    before: str | date | None
    camera: str | None
    min_area: float
    max_area: float
    format: str | None
    photo_ids: tuple[int, ...] | None
    near: tuple[float, float, float] | None
    places: tuple[str, ...]


def filtered(where: Filter | None, conditions: Mapping[str, Any]) -> Filter | None:
    """A filter with more conditions; None where there are none at all.

    Raises:
        TypeError: there is no such condition.
        QueryError: a condition makes no sense.
    """
    known = [field.name for field in fields(Filter)]
    for name in conditions:
        if name not in known:
            raise TypeError(f"there is no argument '{name}'; conditions are {', '.join(known)}")
    return replace(where or Filter(), **conditions) if conditions else where
