"""Memory that something takes at its peak, as Linux tells; elsewhere nothing is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@contextmanager
def takes_at_most(size: int, what: object = "") -> Iterator[None]:
    """The block must not raise the memory of this process by more bytes than that, even for a
    moment."""
    with suppress(OSError):
        CLEAR.write_text("5")  # the peak begins anew
    before = _told("VmRSS:")
    yield
    grown = _told("VmHWM:") - before
    if grown > size:
        pytest.fail(f"{grown >> 20} MB taken, {size >> 20} allowed: {what}")


def _told(name: str) -> int:
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(name))
