"""English terms that words of other languages are taken for."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("terms.txt.gz")


@cache
def terms() -> tuple[str, ...]:
    """Some 12,500 names of things that can be seen, in lower case and the singular; different."""
    return tuple(gzip.decompress(FILE.read_bytes()).decode("ascii").splitlines())
