"""Parameters in messages, said as the options that a command line has for them."""

from __future__ import annotations

import re

# the library writes them as Python has them, between backticks: `overwrite=True`, `jobs=1`
_PARAMETER = re.compile(r"`([a-z][a-z_]*)(?:=([^`\n]*))?`")


def as_options(line: str) -> str:
    """The line with each parameter as its option: "`max_megapixels`" as "--max-megapixels",
    "`refer=False`" as "--no-refer", "`preset=mine.toml`" as "--preset mine.toml"."""
    return _PARAMETER.sub(_option, line)


def _option(found: re.Match[str]) -> str:
    name, value = found[1].replace("_", "-"), found[2]
    if value in (None, "True"):
        return f"--{name}"
    return f"--no-{name}" if value == "False" else f"--{name} {value}"
