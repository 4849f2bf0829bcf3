"""Offline: while models are built, nothing of theirs opens a connection.

Architectures may name models of a hub, which the libraries would fetch by themselves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
_CONNECTING = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
_FORBIDDEN: ContextVar[bool] = ContextVar("connections forbidden", default=False)


class ConnectionForbidden(ConnectionError):
    """Something would have opened a connection; only `segsearch models pull` does."""


@contextmanager
def offline() -> Iterator[None]:
    """Tell the hub's libraries to leave the network alone, and fail whoever tries all the same.

    It counts for the thread that enters it; the environment is as before afterwards.

    Raises:
        ConnectionForbidden: something within would open a connection; raised at once.
    """
    _watch()
    before = {name: os.environ.get(name) for name in VARIABLES}
    token = _FORBIDDEN.set(True)
    os.environ.update(dict.fromkeys(VARIABLES, "1"))
    hub = sys.modules.get("huggingface_hub.constants")  # read once, when it is imported
    told = getattr(hub, "HF_HUB_OFFLINE", None)
    if hub is not None:
        hub.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]
    try:
        yield
    finally:
        _FORBIDDEN.reset(token)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if hub is not None:
            hub.HF_HUB_OFFLINE = told  # type: ignore[attr-defined]


@contextmanager
def online() -> Iterator[None]:
    """Allow connections within `offline`: for photos that their owner keeps in a store."""
    token = _FORBIDDEN.set(False)
    try:
        yield
    finally:
        _FORBIDDEN.reset(token)


@cache
def _watch() -> None:
    def refuse(event: str, _: object) -> None:
        if event in _CONNECTING and _FORBIDDEN.get():
            raise ConnectionForbidden(
                "a model of a hub would have to be fetched, and only segsearch models pull opens"
                " connections"
            )

    sys.addaudithook(refuse)
