"""Numbers too small for float32's exponent, which CPUs compute by microcode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """What is smaller than float32's least normal number, 1.2e-38, counts as zero in this thread.

    Attention that looks at one place gives the rest of a photo such weights, and a product of them
    takes a fifth longer for sums that they cannot change. Threads of torch's own that run already
    are left as they are, and so is a CPU that knows no such mode.
    """
    before = _flushing()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushing() -> bool:
    least = torch.tensor(torch.finfo(torch.float32).tiny)
    return float(least / 2) == 0
