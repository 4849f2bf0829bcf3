"""Stages: what follows one another for each item, done for several items side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

GRACE = 5.0
"""Seconds that a deed is waited for once nobody wants what it makes: it may wait for a server."""


def stage(deed: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What `deed` makes of each item, in their order, in a thread beside this one.

    The next item is taken while the deed is at one; so stages of stages all work at a time, and
    each holds two items at the most. Items are taken by the thread that asks, since a catalog's
    snapshot is one thread's (`model.curation.streaming` takes them in another).

    Raises:
        Exception: the deed's own; for no item after that one is it begun.
    """
    under_way: Future[R] | None = None
    try:
        for item in items:
            before, under_way = under_way, _begun(deed, item, under_way)
            if before is not None:
                yield before.result()
        if under_way is not None:
            yield under_way.result()
    finally:
        if under_way is not None:
            wait([under_way], GRACE)


def _begun(deed: Callable[[T], R], item: T, before: Future[R] | None) -> Future[R]:
    made = Future[R]()

    def run() -> None:
        try:
            if before is not None:
                before.result()  # waits for it, and fails as it did
            made.set_result(deed(item))
        except BaseException as error:
            made.set_exception(error)

    # a daemon: an interrupted process need not wait for a server that is away
    Thread(target=run, name="stage", daemon=True).start()
    return made
