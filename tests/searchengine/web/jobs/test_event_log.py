from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from own_loop import run_in_loop

from model.errors import ServerBusy
from searchengine.web.jobs import event_log
from searchengine.web.jobs.event_log import EventLog


def read(message: bytes) -> tuple[str, str, Any]:
    """Id, name and document of a message."""
    fields = dict(line.split(": ", 1) for line in message.decode().strip().splitlines())
    return fields.get("id", ""), fields.get("event", ""), json.loads(fields.get("data", "null"))


async def heard(log: EventLog, last_id: str | None = None) -> list[tuple[str, str, Any]]:
    """All that a listener is told until the log is closed."""
    stream = log.listen(last_id)
    found = [message async for message in stream]
    assert found[0].startswith(b"retry: ")
    return [read(message) for message in found[1:]]


def test_a_listener_hears_what_any_thread_tells_in_order() -> None:
    async def listened() -> list[tuple[str, str, Any]]:
        log = EventLog()
        hearing = asyncio.create_task(heard(log))
        await asyncio.sleep(0.01)

        def tell() -> None:
            for number in range(50):
                log.tell("job", {"number": number, "path": "caf\udce9\n"})
            log.close()

        thread = threading.Thread(target=tell)
        thread.start()
        found = await hearing
        thread.join()
        return found

    found = run_in_loop(listened())
    assert [data["number"] for _, _, data in found] == list(range(50))
    assert {(name, data["path"]) for _, name, data in found} == {("job", "caf\udce9\n")}


def test_who_comes_back_is_told_what_was_missed() -> None:
    async def listened() -> None:
        log = EventLog()
        log.tell("job", 0)
        hearing = asyncio.create_task(heard(log))
        await asyncio.sleep(0.01)
        for number in range(1, 4):
            log.tell("job", number)
        await asyncio.sleep(0.01)
        log.close()
        first = await hearing
        assert [data for _, _, data in first] == [1, 2, 3]
        log._closed = False
        for last_id, expected in ((first[0][0], [2, 3]), (first[2][0], [])):
            again = asyncio.create_task(heard(log, last_id))
            await asyncio.sleep(0.01)
            log.close()
            assert [data for _, _, data in await again] == expected
            log._closed = False

    run_in_loop(listened())


@pytest.mark.parametrize("last_id", ["", "x", "00000000-1", "-", "-1", "{}-999", "{}-x", "{}-1"])
def test_a_gap_is_told(last_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def listened() -> list[tuple[str, str, Any]]:
        log = EventLog()
        for number in range(event_log.MOST_KEPT + 10):
            log.tell("job", number)
        hearing = asyncio.create_task(heard(log, last_id.format(log._start)))
        await asyncio.sleep(0.01)
        log.close()
        return await hearing

    assert [name for _, name, _ in run_in_loop(listened())] == ["gap"]


def test_silence_is_broken_and_a_slow_listener_is_sent_away() -> None:
    async def listened() -> None:
        log = EventLog(heartbeat=0.01)
        stream = log.listen()
        assert (await anext(stream)).startswith(b"retry")
        assert await anext(stream) == event_log._HEARTBEAT
        for number in range(2 * event_log.MOST_WAITING):
            log.tell("job", number)
        await asyncio.sleep(0.01)
        rest = [message async for message in stream]
        assert len(rest) == event_log.MOST_WAITING
        assert not log._listeners

    run_in_loop(listened())


def test_listeners_are_limited() -> None:
    async def listened() -> None:
        log = EventLog()
        streams = [log.listen() for _ in range(event_log.MOST_LISTENERS)]
        with pytest.raises(ServerBusy):
            log.listen()
        for stream in streams:
            await anext(stream)
            await stream.aclose()
        assert not log._listeners

    run_in_loop(listened())
