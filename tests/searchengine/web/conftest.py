"""A server over the tiny index, in a thread of this process, and clients that ask it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from page_server import running

from searchengine.web.settings import ServeSettings


class Serving(Protocol):
    """`with serving(token=…) as address`: a server with these settings."""

    def __call__(self, **settings: Any) -> Any: ...


@pytest.fixture(scope="session")
def serving(indexed: Path) -> Callable[..., Any]:
    """Starts a server over the tiny index."""

    def start(**settings: Any) -> Any:
        return running(ServeSettings(**{"folder": indexed, "port": 0, **settings}))

    return start


def wait_until_loaded(client: httpx.Client) -> None:
    """Ask for the status until models are loaded."""
    for _ in range(400):
        if not client.get("/api/v1/status").json()["loading"]:
            return
        time.sleep(0.05)
    raise AssertionError("the models were never loaded")


@pytest.fixture(scope="session")
def address(serving: Callable[..., Any]) -> Iterator[str]:
    """The address of one server for all tests that change nothing."""
    with serving() as opened:
        yield opened


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[httpx.Client]:
    """A client of that server, its models loaded."""
    with httpx.Client(base_url=address, timeout=30) as opened:
        wait_until_loaded(opened)
        yield opened
