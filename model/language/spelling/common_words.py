"""Common English words and how common they are."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("common_words.txt.gz")


@cache
def commonness() -> dict[str, int]:
    """Some 20,000 English words in lower case, each with its rank: 0 for the commonest."""
    words = gzip.decompress(FILE.read_bytes()).decode("ascii").split()
    return {word: rank for rank, word in enumerate(words)}
