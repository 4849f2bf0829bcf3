"""The photos that annotations name, each looked for once."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from model.errors import PhotoError
from model.photos.images import read_header


class PhotoFolder:
    """Finds photos below some folders; names that lead out of them are refused.

    Args:
        folders: looked through in this order.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._found: dict[str, Path | None] = {}

    def find(self, name: str) -> Path:
        """The photo of that relative name.

        Raises:
            ValueError: there is none.
        """
        if name not in self._found:
            self._found[name] = self._look_for(name)
        path = self._found[name]
        if path is None:
            raise ValueError("the photo is not there")
        return path

    def _look_for(self, name: str) -> Path | None:
        relative = PurePosixPath(name)
        if not name or "\0" in name or relative.is_absolute() or ".." in relative.parts:
            return None
        return next((f / relative for f in self._folders if (f / relative).is_file()), None)


def photo_size(photo: Path) -> tuple[int, int]:
    """(height, width) of an upright photo, from its header.

    Raises:
        ValueError: the photo cannot be read.
    """
    try:
        return read_header(photo).size
    except PhotoError as error:
        raise ValueError(error.what) from error
