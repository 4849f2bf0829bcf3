"""Messages that libraries of C print on standard error, kept from the user and for the reason."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_STANDARD_ERROR = 2
_LONGEST = 200  # characters


class Messages:
    """Messages that were printed, once they were.

    Attributes:
        first: the first line; "" for none.
    """

    first: str = ""


@contextmanager
def printed_messages(messages: Messages) -> Iterator[None]:
    """Standard error, kept in a file meanwhile: libtiff knows no other way to say what is wrong.

    The descriptor is the whole process's, so what other threads print meanwhile is lost too; one
    at a time gets here. Where there is no standard error, nothing is kept and nothing is shown.

    Args:
        messages: filled in when the context is left.
    """
    with _lock, tempfile.TemporaryFile() as kept:
        with suppress(Exception):
            sys.stderr.flush()
        try:
            before = os.dup(_STANDARD_ERROR)
        except OSError:
            yield
            return
        try:
            os.dup2(kept.fileno(), _STANDARD_ERROR)
            yield
        finally:
            os.dup2(before, _STANDARD_ERROR)
            os.close(before)
            kept.seek(0)
            lines = kept.read(4096).decode("utf-8", "replace").splitlines()
            messages.first = " ".join(lines[0].split())[:_LONGEST] if lines else ""
