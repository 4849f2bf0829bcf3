"""One thread answers all: in turns, the newest of a page only, and not too many."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from own_loop import run_in_loop

from searchengine import QueryError, SearchEngine, ServerBusy, Superseded
from searchengine.web.engine_thread import EngineThread


@pytest.fixture
def thread(indexed: Path) -> Iterator[EngineThread]:
    made = EngineThread(SearchEngine.open(indexed), most_waiting=4)
    made.start()
    yield made
    made.stop()


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_in_loop(work())


async def held(thread: EngineThread) -> tuple[threading.Event, asyncio.Task[None]]:
    """A question that is being answered until the event is set."""
    begun, go = threading.Event(), threading.Event()

    def hold(_: SearchEngine) -> None:
        begun.set()
        assert go.wait(20)

    task = asyncio.create_task(thread.ask("holder", hold))
    await asyncio.to_thread(begun.wait, 20)
    return go, task


def test_answers_come_from_one_thread_that_loaded_the_engine(thread: EngineThread) -> None:
    async def work() -> None:
        names = {
            await thread.ask(client, lambda _: threading.current_thread().name)
            for client in ("a", "b")
        }
        assert names == {"engine"}
        assert not thread.loading
        with pytest.raises(QueryError):
            await thread.ask("a", lambda engine: engine.search(" "))

    run(work)


def test_clients_take_turns(thread: EngineThread) -> None:
    async def work() -> None:
        order: list[str] = []
        go, task = await held(thread)

        def note(name: str) -> Callable[[SearchEngine], None]:
            return lambda _: order.append(name)

        tasks = []
        for name in ("a1", "a2", "a3", "b1"):
            tasks.append(asyncio.create_task(thread.ask(name[0], note(name))))
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(task, *tasks)
        assert order == ["a1", "b1", "a2", "a3"]

    run(work)


def test_a_newer_question_takes_the_place_of_older_ones(thread: EngineThread) -> None:
    async def work() -> None:
        go, task = await held(thread)
        old = asyncio.create_task(thread.ask("a", lambda _: "old", newest_only=True))
        other = asyncio.create_task(thread.ask("b", lambda _: "b", newest_only=True))
        asset = asyncio.create_task(thread.ask("a", lambda _: "kept"))
        await asyncio.sleep(0)
        new = asyncio.create_task(thread.ask("a", lambda _: "new", newest_only=True))
        with pytest.raises(Superseded):
            await old
        go.set()
        assert await asyncio.gather(asset, new, other) == ["kept", "new", "b"]
        await task

    run(work)


def test_one_that_is_being_answered_is_given_up_too(thread: EngineThread) -> None:
    async def work() -> None:
        begun, go = threading.Event(), threading.Event()

        def slow(_: SearchEngine) -> str:
            begun.set()
            go.wait(20)
            return "old"

        old = asyncio.create_task(thread.ask("a", slow, newest_only=True))
        await asyncio.to_thread(begun.wait, 20)
        new = asyncio.create_task(thread.ask("a", lambda _: "new", newest_only=True))
        with pytest.raises(Superseded):
            await old
        go.set()
        assert await new == "new"

    run(work)


def test_no_more_wait_than_may(thread: EngineThread) -> None:
    async def work() -> None:
        go, task = await held(thread)
        waiting = [asyncio.create_task(thread.ask(f"c{i}", lambda _: None)) for i in range(4)]
        await asyncio.sleep(0)
        assert thread.waiting == 4
        with pytest.raises(ServerBusy):
            await thread.ask("late", lambda _: None)
        waiting[0].cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert thread.waiting == 3
        await asyncio.wait({asyncio.create_task(thread.ask("late", lambda _: None))}, timeout=0)
        go.set()
        await asyncio.gather(task, *waiting[1:])

    run(work)


def test_work_that_is_left_for_later_is_done_when_nobody_asks(thread: EngineThread) -> None:
    done: list[str] = []

    def steps(name: str) -> Iterator[None]:
        for _ in range(3):
            done.append(name)
            yield

    async def work() -> None:
        go, task = await held(thread)
        thread.later("x", steps("replaced"))
        thread.later("x", steps("kept"))
        go.set()
        await task
        while len(done) < 3:
            await asyncio.sleep(0.01)
        assert done == ["kept"] * 3

    run(work)
