"""The closed lists that questions are read by (`question_words.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from types import MappingProxyType

_FILE = Path(__file__).with_name("question_words.toml")


@cache
def closed_words(name: str) -> frozenset[str]:
    """The words of one list."""
    return frozenset(_lists()[name].split())


@cache
def closed_phrases(name: str) -> tuple[tuple[str, ...], ...]:
    """The phrases of one list, one a line, each as its words; the longest first."""
    lines = (tuple(line.split()) for line in _lists()[name].splitlines())
    return tuple(sorted((line for line in lines if line), key=len, reverse=True))


@cache
def pairs(name: str) -> MappingProxyType[str, str]:
    """The pairs of one list, each `word:word`."""
    split = (pair.split(":") for pair in _lists()[name].split())
    return MappingProxyType({pair[0]: pair[1] for pair in split})


@cache
def _lists() -> dict[str, str]:
    lists: dict[str, str] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return lists
