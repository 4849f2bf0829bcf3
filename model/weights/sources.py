"""Sources of weights: a folder of this machine, or a publisher on the web.

What is published is fetched by `segsearch models pull` alone, and lies in the cache afterwards. The
copy that the hub's own tools have fetched is as good, if it is of the same revision.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from model.errors import PresetInvalid, StorageError, shown
from model.weights.cache import cache_folder
from model.weights.urls import url_fault
from model.weights.user_folders import expand_home

FOLDER = Path(__file__).parents[1] / "presets"  # the bundled presets and their weights
HUB = "https://huggingface.co"
FILES = (".safetensors", ".pth", ".pt", ".bin")
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_SEGMENT = re.compile(r"(?!\.)[\w.+-]+")
_REVISION = re.compile(r"[\w-][\w.-]*")


class Source(Protocol):
    """Something that holds the files of one set of weights."""

    @property
    def label(self) -> str:
        """Name of the source, for people."""

    def folder(self, names: Sequence[str]) -> Path | None:
        """Folder of all these files on this machine; None if one of them is not there."""


@dataclass(frozen=True)
class Local:
    """A folder of this machine.

    Attributes:
        place: the folder; below the package, if there is one.
        package: import name of the installed package that carries it, or "".
    """

    place: Path
    package: str = ""

    @property
    def label(self) -> str:
        """The folder, or the package."""
        return self.package or str(self.place)

    def folder(self, names: Sequence[str]) -> Path | None:
        """The folder, if it has all these files."""
        place = self.place
        if self.package:
            try:
                spec = find_spec(self.package) if self.package.isidentifier() else None
            except ValueError:  # of what was imported without one
                spec = None
            if spec is None or not spec.submodule_search_locations:
                return None
            place = Path(spec.submodule_search_locations[0]) / place
        return place if all((place / name).is_file() for name in names) else None


@dataclass(frozen=True)
class Published:
    """A folder on the web.

    Attributes:
        site: scheme and host, with its port.
        path: path of the folder, without slashes at its ends.
        hub_id: "owner/name" if it is a repository of the hub, else "".
        revision: revision of that repository.
    """

    site: str
    path: str
    hub_id: str = ""
    revision: str = ""

    @property
    def label(self) -> str:
        """The hub's id and the start of its revision, or the URL."""
        if self.hub_id:
            return f"{self.hub_id}@{self.revision[:8]}"
        return "/".join(part for part in (self.site, self.path) if part)

    @property
    def host(self) -> str:
        """Host that sends the files."""
        return urlsplit(self.site).netloc

    @property
    def cached(self) -> Path:
        """Folder of the files once they are downloaded."""
        host = re.sub(r"[^\w.-]", "_", urlsplit(HUB if self.hub_id else self.site).netloc)
        inside = f"{self.hub_id}/{self.revision}" if self.hub_id else self.path
        return cache_folder() / host / inside

    def url(self, name: str) -> str:
        """The URL of one file."""
        return "/".join(part for part in (self.site, quote(self.path), quote(name)) if part)

    def page(self) -> str:
        """Address of the page with the licence."""
        return f"{HUB}/{self.hub_id}" if self.hub_id else self.label

    def folder(self, names: Sequence[str]) -> Path | None:
        """The cache, ours or the hub's, that has all these files."""
        places = self._of_the_hub()
        with suppress(StorageError):  # without a home there is no cache of ours to look into
            places.insert(0, self.cached)
        return next((p for p in places if all((p / name).is_file() for name in names)), None)

    def _of_the_hub(self) -> list[Path]:
        if not self.hub_id:
            return []
        home = os.environ.get("HF_HOME") or (
            f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
        )
        hub = expand_home(os.environ.get("HF_HUB_CACHE") or f"{home}/hub")
        name = "models--" + self.hub_id.replace("/", "--")
        return [hub / name / "snapshots" / self.revision]


def read_source(text: str, revision: str, folder: Path) -> tuple[Source, str]:
    """The source that a preset names, and the name of its one file if it names a file.

    Args:
        text: a local file or folder, a URL, or an id of the hub. A path may start with `~` and is
            relative to `folder`; what is there is taken before an id of the same name.
        revision: revision of the hub's repository.
        folder: folder of the preset.

    Raises:
        PresetInvalid: the text is none of these.
    """
    if "://" in text:
        if fault := url_fault(text):
            raise PresetInvalid(
                f"'{shown(text)}' is no URL of a file ({shown(fault)})", "give it as https://…/name"
            )
        parts = urlsplit(text)
        path, _, name = parts.path.strip("/").rpartition("/")
        if not name or parts.query:
            raise PresetInvalid(f"'{shown(text)}' is no URL of a file", "give it as https://…/name")
        checked_name("/".join(part for part in (path, name) if part))
        return Published(f"{parts.scheme}://{parts.netloc}", path), name
    place = folder / expand_home(text)
    if place.is_file() or (place.suffix in FILES and not place.is_dir()):
        return Local(place.parent), place.name
    if place.is_dir() or not _HUB_ID.fullmatch(text) or ".." in text:
        return Local(place), ""
    if not _REVISION.fullmatch(revision):
        raise PresetInvalid(
            f"'{shown(revision)}' is no revision of {text}", "give the commit, or leave it out"
        )
    site = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    return Published(site, f"{text}/resolve/{revision}", text, revision), ""


def checked_name(name: str) -> str:
    """The name of a file below a folder, if it can be none outside of it.

    Raises:
        PresetInvalid: the name leads outside of the folder, or is hidden.
    """
    if not all(_SEGMENT.fullmatch(part) for part in name.split("/")):
        raise PresetInvalid(
            f"'{shown(name)}' may not be the name of a weight file",
            "use letters, digits, and . _ + - within",
        )
    return name
