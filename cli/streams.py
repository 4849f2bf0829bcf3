"""Standard streams that bear what shells do to them.

Names of photos go to any encoding, whatever it lacks escaped. A reader that leaves (`| head`) ends
the command, and is no error; a full disk or a closed output is one, told once. What nobody can read
on stderr is lost, and changes nothing.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

ERRORS = "backslashreplace"


class ReaderGone(Exception):
    """Whoever read our output has closed it."""


class _Raw(io.RawIOBase):
    """The bytes of a stream: what cannot be written is told once, or never.

    Args:
        stream: an unbuffered stream; None where it was closed when the process began.
        silent: whether failures are never told.
    """

    def __init__(self, stream: io.RawIOBase | None, *, silent: bool) -> None:
        self._stream = stream
        self._failed = silent and stream is None
        self._silent = silent

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self._failed:
            try:
                if self._stream is None:
                    raise OSError(errno.EBADF, "it is closed")
                return self._stream.write(data) or 0
            except OSError as error:
                self._failed = True
                if error.errno == errno.EPIPE and not self._silent:
                    raise ReaderGone from None
                if not self._silent:
                    raise OSError(error.errno, error.strerror, "standard output") from None
        return len(data)

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        if self._stream is None:
            raise OSError(errno.EBADF, "it is closed")
        return self._stream.fileno()


def hold_standard_streams() -> None:
    """Replace stdout and stderr by streams that bear everything; keep descriptors 0 to 2 taken.

    A file opened where a standard stream was closed would be written to by whatever prints.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _held(sys.stdout, silent=False)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _held(sys.stderr, silent=True)


def _held(stream: TextIO | None, *, silent: bool) -> TextIO:
    raw = None if stream is None else getattr(stream.buffer, "raw", None)
    if stream is not None and raw is None:  # unbuffered already, as under -u
        raw = stream.buffer
    return io.TextIOWrapper(
        io.BufferedWriter(_Raw(raw, silent=silent)),
        encoding=stream.encoding if stream else "utf-8",
        errors=ERRORS,
        line_buffering=silent or bool(stream and stream.isatty()),
    )
