"""Conditions of a kept question, as JSON has them."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, get_args, get_origin, get_type_hints

from indexer.catalog.filter import Filter
from searchengine.user_data.json_fields import Fields


def conditions_told(where: Filter) -> dict[str, Any]:
    """The conditions that are not as by default, as JSON has them."""
    plain = Filter()
    told = {}
    for each in fields(Filter):
        value = getattr(where, each.name)
        if value != getattr(plain, each.name) and each.name != "photo_ids":
            value = value.isoformat() if isinstance(value, datetime) else value
            told[each.name] = list(value) if isinstance(value, tuple) else value
    return told


def filter_told(told: Fields) -> Filter:
    """Conditions that JSON tells.

    Raises:
        QueryError: the record tells none.
    """
    given: dict[str, Any] = {}
    hints = get_type_hints(Filter)
    for each in fields(Filter):
        if each.name == "photo_ids" or not told.has(each.name):
            continue
        hint = hints[each.name]
        kinds = (hint,) if isinstance(hint, type) else get_args(hint)
        if each.name == "places":
            given[each.name] = tuple(map(str, told.many(each.name)))
        elif several := [kind for kind in kinds if get_origin(kind) is tuple]:
            given[each.name] = told.numbers(each.name, len(get_args(several[0])))
        elif datetime in kinds or str in kinds:
            given[each.name] = told.text(each.name)
        else:
            given[each.name] = told.number(each.name)
    return Filter(**given)
