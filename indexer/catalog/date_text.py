"""Dates as people write them in conditions: 2023, 2023-05, 2023-05-17, 2023-05-17 14:30."""

from __future__ import annotations

import re
from datetime import date, datetime

from model.errors import QueryError, shown

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[ T](\d\d?)(?::(\d\d)(?::(\d\d))?)?)?)?)?", re.ASCII
)


def start_of(text: str) -> datetime:
    """The naive start of the year, month, day, hour, minute or second that a text names.

    Raises:
        QueryError: the text names none.
    """
    parts = _DATE.fullmatch(text.strip())
    try:
        if parts is None:
            raise ValueError(text)
        year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups())
        return datetime(year, month or 1, day or 1, hour, minute, second)
    except ValueError:
        raise QueryError(
            f"'{shown(text)}' is no date", "give one as 2023, 2023-05 or 2023-05-17"
        ) from None


def as_moment(given: str | date | None) -> datetime | None:
    """A date or its text as a time, its start; a time as it is.

    Raises:
        QueryError: the text is no date.
    """
    if isinstance(given, str):
        return start_of(given)
    if given is None or isinstance(given, datetime):
        return given
    return datetime(given.year, given.month, given.day)
