"""Failures of a server, as the errors that they would be on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.errors import SegsearchError, ServerError


def no_such_server(address: str) -> ServerError:
    """Error for a server that does not speak as `segsearch serve` does."""
    from model.errors import ServerError

    return ServerError(
        f"what answers at {address} is no segsearch serve of this version",
        "give the address that segsearch serve printed",
    )


def away(address: str, cause: OSError) -> ServerError:
    """Error for a server that nothing is heard of."""
    from model.errors import ServerError

    why = cause.strerror or str(cause) or type(cause).__name__
    return ServerError(
        f"nothing answers at {address} ({why})",
        "start segsearch serve there, or leave --server out",
    )


def failure_in(status: int, body: bytes, address: str) -> SegsearchError:
    """The error that a server answered with: its class is the one of that name here."""
    from model.errors import RequestRefused, ServerError

    if status == HTTPStatus.UNAUTHORIZED:
        return RequestRefused(
            f"the server at {address} asks for another token",
            "give --token, or SEGSEARCH_TOKEN, as the server was given it",
        )
    try:
        failure = failure_of(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return no_such_server(address)
    unknown = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
    if type(failure) is ServerError and status in unknown:
        return no_such_server(address)
    return failure


def failure_of(told: Mapping[str, Any]) -> SegsearchError:
    """The error that a record of the API tells.

    Raises:
        KeyError, TypeError: the record tells none.
    """
    from model.errors import ServerError

    kind = _class_of(str(told["kind"])) or ServerError
    return kind(str(told["what"]), str(told["fix"]))


def _class_of(name: str) -> type[SegsearchError] | None:
    from model import errors

    kind = getattr(errors, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, errors.SegsearchError) else None
