"""Settings of a preset's file: the settings of a section, their types and their ranges."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import PresetInvalid, shown

LARGEST = 1 << 20  # of the whole numbers that have no range of their own
_FINITE = sys.float_info.max
_LONGEST = 60  # characters of a wrong value that are told


@dataclass(frozen=True)
class Setting:
    """A key that a section may hold.

    Attributes:
        expected: its values, as told to who wrote another.
        allows: whether a value is one of them.
        needed: whether the section must have it.
    """

    expected: str
    allows: Callable[[Any], bool]
    needed: bool = False


Settings = Mapping[str, Setting]


def whole(least: int, most: float = math.inf, multiple: int = 1) -> Setting:
    """A whole number between two, or from `least` to `LARGEST`; and a multiple of another."""
    told = f"from {least} to {most}" if math.isfinite(most) else f"of {least} or more"
    ceiling = most if math.isfinite(most) else LARGEST
    of = f", a multiple of {multiple}" if multiple > 1 else ""
    return Setting(
        f"a whole number {told}{of}",
        lambda value: type(value) is int and least <= value <= ceiling and value % multiple == 0,
    )


def whole_or_none(least: int) -> Setting:
    """A whole number of `least` or more, or 0."""
    return Setting(
        f"0, or a whole number of {least} or more",
        lambda value: type(value) is int and (least <= value <= LARGEST or value == 0),
    )


def number(least: float = -math.inf, most: float = math.inf, above: bool = False) -> Setting:
    """A finite number between two, or any.

    Args:
        least: smallest.
        most: largest.
        above: whether `least` itself is too small.
    """
    if math.isfinite(least) and math.isfinite(most):
        told = f"a number from {least:g} to {most:g}"
    elif math.isfinite(least):
        told = f"a number above {least:g}" if above else f"a number of {least:g} or more"
    else:
        told = f"a number of {most:g} or less" if math.isfinite(most) else "a number"
    return Setting(
        told,
        lambda value: _finite(value) and least <= value <= most and not (above and value == least),
    )


def numbers() -> Setting:
    """A list of numbers above 0, at least one."""
    return Setting(
        "a list of numbers above 0",
        lambda value: (
            isinstance(value, list)
            and bool(value)
            and all(_finite(each) and each > 0 for each in value)
        ),
    )


def wholes(least: int, multiple: int = 1) -> Setting:
    """A list of whole numbers as `whole` takes them, or an empty one."""
    each = whole(least, multiple=multiple)
    return Setting(
        f"a list, each of it {each.expected}",
        lambda value: isinstance(value, list) and all(map(each.allows, value)),
    )


def one_of(*words: str) -> Setting:
    """One of these words."""
    return Setting(f"one of {', '.join(words)}", lambda value: value in words)


def text(needed: bool = False) -> Setting:
    """Any text."""
    return Setting("a text", lambda value: isinstance(value, str), needed)


def switch() -> Setting:
    """True or false."""
    return Setting("true or false", lambda value: isinstance(value, bool))


def device() -> Setting:
    """Devices on which torch may run."""
    return Setting(
        "auto, cpu, mps, cuda, or cuda:0 and so on",
        lambda value: (
            isinstance(value, str) and re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value) is not None
        ),
    )


def check_section(file: Path, section: str, said: Any, settings: Settings) -> None:
    """Whether all that a section says is allowed, and all that it must say is there.

    Args:
        file: path named in the error message.
        section: its name; "" for the keys before the first section.
        said: the section as it was read.
        settings: settings that the section may hold.

    Raises:
        PresetInvalid: no; which key of which file, and what is allowed.
    """
    place = f"[{section}] " if section else ""
    if not isinstance(said, Mapping):
        raise PresetInvalid(f"{shown(file)}: {section} is {_told(said)}", f"write [{section}]")
    for key, value in said.items():
        setting = settings.get(key)
        if setting is None:
            known = ", ".join(settings) or "none"
            raise PresetInvalid(
                f"{shown(file)}: {place}has no setting '{shown(key)}'", f"it may have {known}"
            )
        if not setting.allows(value):
            large = type(value) is int and value > LARGEST
            raise PresetInvalid(
                f"{shown(file)}: {place}{key} is {_told(value)}",
                f"give {f'at most {LARGEST}' if large else setting.expected}",
            )
    for key, setting in settings.items():
        if setting.needed and key not in said:
            raise PresetInvalid(
                f"{shown(file)}: {place}does not say {key}", f"give {setting.expected}"
            )


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _FINITE


def _told(value: Any) -> str:
    told = shown(repr(value))
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"
