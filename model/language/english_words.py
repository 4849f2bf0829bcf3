"""English words: which there are, and which of them are nouns."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from unicodedata import combining, normalize

FILE = Path(__file__).with_name("words.txt.gz")


def is_noun(word: str) -> bool:
    """Whether a word in lower case names a thing: WordNet's nouns, singular but for some."""
    return _plain(word) in _lists()[0]


def is_word(word: str) -> bool:
    """Whether a word in lower case, in any of its forms, is one of some 118,000 English ones."""
    plain = _plain(word)
    return any(plain in words for words in _lists())


def _plain(word: str) -> str:
    """The word without accents, as the lists have it: cafe."""
    return "".join(c for c in normalize("NFKD", word) if not combining(c))


@cache
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    """The nouns, and all other words."""
    nouns, others = gzip.decompress(FILE.read_bytes()).decode("ascii").split("\n\n")
    return frozenset(nouns.split("\n")), frozenset(others.split())
