"""Fields of a JSON object that somebody else may have written, each checked as it is read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from model.errors import QueryError

Record = dict[str, Any]


class Fields:
    """A JSON object, read field by field.

    Args:
        record: value that should be an object.
        what: name of the object, for the error.

    Raises (every method):
        QueryError: the field is not there, or no such value.
    """

    def __init__(self, record: object, what: str) -> None:
        self._what = what
        if not isinstance(record, Mapping):
            raise self._error("it is no JSON object")
        self._record: Mapping[str, Any] = record

    def text(self, name: str, default: str | None = None) -> str:
        """A text."""
        value = self._record.get(name, default)
        if type(value) is not str:
            raise self._error(f"'{name}' is no text")
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None."""
        return None if self._record.get(name) is None else self.text(name)

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number."""
        value = self._record.get(name, default)
        if type(value) not in (int, float) or not abs(value) < 1e300:
            raise self._error(f"'{name}' is no number")
        return float(value)

    def optional_number(self, name: str) -> float | None:
        """A finite number, or None."""
        return None if self._record.get(name) is None else self.number(name)

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """Finite numbers, so many of them."""
        values = self.many(name)
        if len(values) != count:
            raise self._error(f"'{name}' is not {count} numbers")
        numbered = Fields({str(place): value for place, value in enumerate(values)}, f"'{name}'")
        return tuple(numbered.number(str(place)) for place in range(count))

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number of 64 bits."""
        value = self._record.get(name, default)
        if type(value) is not int or not abs(value) < 1 << 63:
            raise self._error(f"'{name}' is no whole number")
        return value

    def optional_whole(self, name: str) -> int | None:
        """A whole number, or None."""
        return None if self._record.get(name) is None else self.whole(name)

    def flag(self, name: str, default: bool) -> bool:
        """True or False."""
        value = self._record.get(name, default)
        if type(value) is not bool:
            raise self._error(f"'{name}' is neither true nor false")
        return value

    def optional_flag(self, name: str) -> bool | None:
        """True, False or None."""
        return None if self._record.get(name) is None else self.flag(name, False)

    def many(self, name: str) -> list[Any]:
        """A list; an empty one where it is not there."""
        value = self._record.get(name, [])
        if type(value) is not list:
            raise self._error(f"'{name}' is no list")
        return value

    def inner(self, name: str) -> Fields:
        """An object within the object; an empty one where it is not there."""
        return Fields(self.inner_record(name), f"'{name}' of {self._what}")

    def inner_record(self, name: str) -> object:
        """A field as it is; an empty object where it is not there."""
        return self._record.get(name, {})

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._record.get(name) is not None

    def hex(self, name: str) -> bytes:
        """Bytes that are written as hexadecimal digits."""
        try:
            return bytes.fromhex(self.text(name))
        except ValueError:
            raise self._error(f"'{name}' is not hexadecimal") from None

    def packed(self, name: str) -> bytes:
        """Bytes that are written as base64."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError):
            raise self._error(f"'{name}' is not base64") from None

    def _error(self, why: str) -> QueryError:
        return QueryError(f"{self._what} is not understood ({why})", "write it as it was exported")
