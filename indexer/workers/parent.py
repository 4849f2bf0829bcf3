"""The parent's end: a worker does not outlive the process that started it."""

from __future__ import annotations

import ctypes
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Let Linux end this process at once when the thread that started it ends, by whatever.

    The closed pipe says so everywhere, but who reads it must come to run: a library that computes
    without letting go of the interpreter keeps it waiting, and a copy of the pipe's other end in a
    forked process keeps it open.
    """
    if sys.platform.startswith("linux"):
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
