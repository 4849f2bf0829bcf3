"""The socket that the server listens at."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from own_loop import run_in_loop

pytest.importorskip("fastapi")

from model.errors import ServerError
from searchengine.web.server import address_of, listen
from searchengine.web.settings import ServeSettings


def test_small_answers_are_sent_at_once(tmp_path: Path) -> None:
    """Else each answer of a kept connection waits 40 ms for the other side's acknowledgement."""

    async def option_of_a_connection(listening: socket.socket) -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(answer, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            option = await asyncio.wait_for(found, 10)
            writer.close()
            return option

    with listen(ServeSettings(folder=tmp_path, port=0)) as listening:
        assert run_in_loop(option_of_a_connection(listening)) != 0


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with listen(ServeSettings(folder=tmp_path, port=0)) as listening:
        taken = listening.getsockname()[1]
        settings = ServeSettings(folder=tmp_path, port=taken)
        assert address_of(listening, settings) == f"http://127.0.0.1:{taken}/"
        with pytest.raises(ServerError, match=f"nothing can listen at 127.0.0.1:{taken}"):
            listen(settings)
