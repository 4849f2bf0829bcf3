"""Stage times: how long each stage of an answer took, for whoever wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_times: ContextVar[dict[str, float] | None] = ContextVar("stage_times", default=None)


@contextmanager
def recorded_times() -> Iterator[dict[str, float]]:
    """Seconds of each stage within the context, by its name; a stage in another counts in both."""
    times: dict[str, float] = {}
    before = _times.set(times)
    try:
        yield times
    finally:
        _times.reset(before)


def timed(
    stage: str,
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """A decorator of the function that does a stage of that name."""

    def decorated(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        @wraps(function)
        def timing(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            times = _times.get()
            if times is None:
                return function(*args, **kwargs)
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                times[stage] = times.get(stage, 0.0) + time.perf_counter() - started

        return timing

    return decorated
