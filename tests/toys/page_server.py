"""A server of the page in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from searchengine.web.server import address_of, listen, server_of
from searchengine.web.settings import ServeSettings


@contextmanager
def running(settings: ServeSettings) -> Iterator[str]:
    """The address of a server that runs until the end."""
    ready = threading.Event()
    with listen(settings) as listening:
        server = server_of(settings, ready.set)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            assert ready.wait(20)
            yield address_of(listening, settings)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
