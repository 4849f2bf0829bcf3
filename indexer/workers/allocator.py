"""Settings of the C library for memory that is given back to it."""

from __future__ import annotations

import ctypes

_LARGEST = -3, 64 << 20  # M_MMAP_THRESHOLD: bytes of a block that has a mapping of its own
_KEPT = -1, 256 << 20  # M_TRIM_THRESHOLD: free bytes that stay at the heap's end


def keep_freed_memory() -> bool:
    """Let this process keep what its tensors free; whether the C library could be told so.

    glibc gives large freed blocks back to the system, and each page of the next one faults: a
    twentieth of the time in which a photo is indexed. The process grows no larger at its peak, and
    keeps a quarter of a gigabyte more between photos at the most.
    """
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return False
    return all(bool(tell(option, value)) for option, value in (_LARGEST, _KEPT))
