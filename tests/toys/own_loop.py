"""Coroutines in tests, beside a browser: Playwright keeps a loop in the thread that drives it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")
MOST = 20  # seconds


def run_in_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns, run by a loop in a thread of its own."""

    async def in_time() -> Result:
        return await asyncio.wait_for(work, MOST)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, in_time()).result()
