"""Questions that captioning models are asked, as settings that a configuration may replace."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import get_args

from model.curation.records import Granularity

LONGEST = 4000  # characters


@cache
def _built_in() -> dict[str, str]:
    content = files("model.curation").joinpath("prompts.toml").read_text(encoding="utf-8")
    return {name: text.strip() for name, text in tomllib.loads(content).items()}


@dataclass(frozen=True)
class CaptionPrompts:
    """One question a granularity; what is not given is the built-in one (`prompts.toml`).

    Attributes:
        version: name of the wording, for manifests.
        scene: question about the whole photo; "" asks nothing.
        object: question about each object with its attributes; "" asks nothing.
        part: question about the objects' parts; "" asks nothing.

    Raises:
        ValueError: nothing is asked, a question is too long, or the wording is not the built-in
            one and bears its version all the same.
    """

    version: str = field(default_factory=lambda: _built_in()["version"])
    scene: str = field(default_factory=lambda: _built_in()["scene"])
    object: str = field(default_factory=lambda: _built_in()["object"])
    part: str = field(default_factory=lambda: _built_in()["part"])

    def __post_init__(self) -> None:
        if not self.asked():
            raise ValueError("ask nothing: scene, object and part are empty")
        for granularity, text in self.asked():
            if len(text) > LONGEST:
                raise ValueError(f"{granularity} has {len(text)} characters, more than {LONGEST}")
        built_in = _built_in()
        same = all(getattr(self, name) == built_in[name] for name in get_args(Granularity))
        if not same and self.version == built_in["version"]:
            raise ValueError(
                f"are not those of version '{self.version}': give the key 'version' another value"
            )

    def asked(self) -> tuple[tuple[Granularity, str], ...]:
        """Granularities that are asked for, with their questions, from the scene to the parts."""
        every = ((name, getattr(self, name).strip()) for name in get_args(Granularity))
        return tuple((name, text) for name, text in every if text)
