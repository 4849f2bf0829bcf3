"""A Milvus server, asked in one way: what it refuses is an error of one line, whatever it is."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from model.errors import ExtraMissing, StorageError, shown

Answer = TypeVar("Answer")
_UNCONNECTED = 2

TOKEN = "SEGSEARCH_MILVUS_TOKEN"
"""Variable with the server's token, or "user:password"; it is kept nowhere."""
SECONDS = 60.0
"""Patience with one answer."""


class MilvusServer:
    """Connection to a Milvus server, made when it is first needed.

    Args:
        uri: address, as http://host:19530, without secrets.
        patience: seconds that an answer may take.

    Raises (every method):
        StorageError: the server does not answer, or refuses.
    """

    def __init__(self, uri: str, patience: float = SECONDS) -> None:
        self.uri = uri
        self._patience = patience
        self._opened: tuple[int, Any] | None = None

    def ask(self, question: Callable[[Any], Answer]) -> Answer:
        """The answer to a question, which is given the client of pymilvus."""
        client = self._client()
        from pymilvus.exceptions import MilvusException

        try:
            return question(client)
        except MilvusException as error:
            if error.code == _UNCONNECTED:  # who asks again is connected anew
                with suppress(Exception):
                    self.close()
            raise self._refusal(error) from error

    def close(self) -> None:
        """Let go of the connection."""
        opened, self._opened = self._opened, None
        if opened is not None and opened[0] == os.getpid():
            opened[1].close()

    def _client(self) -> Any:
        if self._opened is None or self._opened[0] != os.getpid():  # it does not survive a fork
            self._opened = os.getpid(), self._connected()
        return self._opened[1]

    def _connected(self) -> Any:
        try:
            from pymilvus import MilvusClient
            from pymilvus.exceptions import MilvusException
        except ImportError as error:
            raise ExtraMissing(
                f"vectors in Milvus need {error.name or 'pymilvus'}",
                'pip install "segsearch[milvus]"',
            ) from error
        # it prints each refusal with its trace, beside raising it
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        try:
            return MilvusClient(
                uri=self.uri,
                token=os.environ.get(TOKEN, ""),
                timeout=self._patience,
                dedicated=True,  # a shared one stays broken where its server was away
            )
        except MilvusException as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> StorageError:
        said = " ".join(shown(getattr(error, "message", "") or error).split())[:200]
        return StorageError(
            f"the Milvus server at {shown(self.uri)} does not answer, or refuses ({said})",
            f"look whether it runs, and at {TOKEN}",
        )
