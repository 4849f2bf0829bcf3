"""Types of arguments, looked at where they come in rather than where they fail."""

from __future__ import annotations

from types import UnionType


def require_type(name: str, value: object, kinds: type | UnionType, meaning: str) -> None:
    """Raise unless a value is of some types.

    Args:
        name: name that the caller knows the argument by, as `Query.k`.
        value: argument that was given.
        kinds: types that are right.
        meaning: description of them, as "a whole number".

    Raises:
        TypeError: the value is of another type.
    """
    if not isinstance(value, kinds):
        raise TypeError(f"{name} is {repr(value)[:80]}, expected {meaning}")
