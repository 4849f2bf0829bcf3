"""Preset files: how a preset is named, and what its TOML says.

A preset is named by the name of a bundled one or by the path of a TOML file; `+` and the path of a
trained head may follow, as in `base+runs/use/head.safetensors`. A file that says
`extends = "base"` needs to say only what is different.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from model.errors import PresetInvalid, PresetUnknown, shown
from model.presets.proposers import DEFAULT_PROPOSER, PROPOSERS
from model.presets.registry import EMBEDDERS, SEGMENTERS, check_kind
from model.presets.settings import (
    Setting,
    Settings,
    check_section,
    number,
    one_of,
    switch,
    text,
    whole,
)
from model.toml_tables import read_toml
from model.weights.sources import FOLDER
from model.weights.user_folders import expand_home

DEFAULT = "nano"
HEAD = ".safetensors"
DEEPEST = 16  # presets that extend one another
SECTIONS = ("segmenter", "embedder", "proposer", "referring", "weights")
TOP: Settings = {
    "name": text(needed=True),
    "title": text(needed=True),
    "image_side": replace(whole(32), needed=True),
    "seconds_per_photo": replace(number(0, above=True), needed=True),
    "dimension": replace(whole(1), needed=True),
    "worker_gb": number(0, above=True),
    "photos_at_once": whole(0),
}
_VIEWS = one_of("none", "global", "local", "both")
REFERRING: Settings = {
    "global_local": switch(),
    "alpha": number(0, 1),
    "last": whole(1, 64),
    "fill": one_of("mean", "released"),
    "blurred": _VIEWS,
    "fusion": _VIEWS,
    "photos": whole(0),
}
FILE: Settings = {"name": text(needed=True), "sha256": text(), "size": whole(0, 1 << 53)}
WEIGHTS: Settings = {
    "source": text(),
    "revision": text(),
    "package": text(),
    "file": text(),
    "files": Setting("[[tables]] with a name", lambda value: isinstance(value, list)),
    "sha256": text(),
    "size": whole(0, 1 << 53),
    "licence": text(),
}


def preset_names() -> list[str]:
    """Names of the bundled presets, the default first."""
    names = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return sorted(names, key=lambda name: name != DEFAULT)


def split_head(name: str) -> tuple[str, Path | None]:
    """A preset's name, and the path of the head that is to be used with it, if any."""
    before, plus, head = name.partition(".toml+") if ".toml+" in name else name.partition("+")
    if not plus or not head.endswith(HEAD) or (plus == "+" and not before):
        return name, None
    return before + plus.removesuffix("+"), expand_home(head)


def absolute_reference(name: str) -> str:
    """A preset's name as it is said, its paths made absolute: it means the same in any folder."""
    before, head = split_head(name)
    if before.endswith(".toml"):
        before = str(expand_home(before).absolute())
    return f"{before}+{head.absolute()}" if head else before


def preset_file(name: str) -> Path:
    """File of the bundled preset of that name, or of the one at that path.

    Raises:
        PresetUnknown: there is none.
    """
    path = expand_home(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if (Path(name).name != name and not name.endswith(".toml")) or not path.is_file():
        raise PresetUnknown(
            f"there is no preset '{shown(name)}'",
            f"choose one of {', '.join(preset_names())}, or give the path of a .toml file",
        )
    return path


def read_table(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Table of a preset's file, laid over that of the preset it extends.

    Every `[weights.ROLE]` gets the key `folder`: of the file that names it.

    Raises:
        PresetUnknown: the preset that it extends is not there.
        PresetInvalid: a file cannot be read, extends itself, is no TOML, or has a wrong setting.
    """
    try:
        table = read_toml(path)
    except (OSError, ValueError) as error:
        raise PresetInvalid(
            f"{shown(path)} is no preset ({shown(error)})", "mend the file"
        ) from error
    weights = table.setdefault("weights", {})
    roles = weights if isinstance(weights, dict) else ()
    check_section(path, "weights", weights, dict.fromkeys(roles, Setting("a table", _is_table)))
    for role, entry in weights.items():
        check_section(path, f"weights.{role}", entry, WEIGHTS)
        for file in entry.get("files", []):
            check_section(path, f"[weights.{role}.files]", file, FILE)
        entry["folder"] = path.parent
    below = table.pop("extends", None)
    if below is not None:
        check_section(path, "", {"extends": below}, {"extends": text()})
        base = preset_file(str(path.parent / below) if below.endswith(".toml") else below)
        if base in (*seen, path):
            raise PresetInvalid(f"{shown(path)} extends itself", "mend the file")
        if len(seen) >= DEEPEST:
            raise PresetInvalid(f"{shown(path)} extends too many others", "mend the file")
        table = _over(read_table(base, (*seen, path)), table)
    # with what it extends, so that what is wrong is told of the file that says it
    check_kind(path, "segmenter", table.get("segmenter", {}), SEGMENTERS)
    check_kind(path, "embedder", table.get("embedder", {}), EMBEDDERS)
    check_kind(path, "proposer", table.get("proposer", DEFAULT_PROPOSER), PROPOSERS)
    check_section(path, "referring", table.get("referring", {}), REFERRING)
    check_section(path, "", {k: v for k, v in table.items() if k not in SECTIONS}, TOP)
    return table


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    sections = {
        # another kind takes other settings; other weights of a role have nothing in common
        key: {**below[key], **value} if _extends(key, below[key], value) else value
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict)
    }
    return {**below, **above, **sections}


def _extends(key: str, below: dict[str, Any], above: dict[str, Any]) -> bool:
    return key == "weights" or above.get("kind", below.get("kind")) == below.get("kind")
