"""The closed lists that referring expressions are read by (`word_lists.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def words(name: str) -> frozenset[str]:
    """The words of one list."""
    text = files("model.referring").joinpath("word_lists.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)[name].split())
