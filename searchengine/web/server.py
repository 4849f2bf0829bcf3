"""The server: a socket, and the application behind it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from model.errors import ServerError
from searchengine.web.app import create_app
from searchengine.web.guard.connections import limited_connections, most_connections
from searchengine.web.settings import ServeSettings


class _Announcing(uvicorn.Server):
    """A server that tells when it listens, and when it is about to end.

    Args:
        config: configuration of uvicorn.
        ready: called once, when requests are answered.
        ending: called once, before it is waited for answers that are not yet complete.
    """

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], ending: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready, self._ending = ready, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)


def listen(settings: ServeSettings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        ServerError: the address is not this machine's, or the port is taken.
    """
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # only of a socket that is named TCP does asyncio send what is small at once (TCP_NODELAY)
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, settings.port))
        listening.listen(512)
    except OSError as error:
        listening.close()
        raise ServerError(
            f"nothing can listen at {settings.host}:{settings.port} ({error.strerror})",
            "give another --port, or 0 for any that is free",
        ) from error
    return listening


def address_of(listening: socket.socket, settings: ServeSettings) -> str:
    """The page's address, for people."""
    host, port = settings.host.strip("[]"), listening.getsockname()[1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def server_of(settings: ServeSettings, ready: Callable[[], None]) -> uvicorn.Server:
    """A server of an index, to be run on a socket that listens; `ready` is called once it does."""
    most = most_connections()
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        http=limited_connections(most),
        ws="none",
        lifespan="on",
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )
    return _Announcing(config, ready, app.state.served.events.close)


def serve(settings: ServeSettings, announce: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Args:
        settings: settings of the server.
        announce: called with the page's address as soon as it can be opened.

    Raises:
        ServerError: nothing can listen there.
    """
    with listen(settings) as listening:
        address = address_of(listening, settings)
        server_of(settings, lambda: announce(address)).run([listening])
