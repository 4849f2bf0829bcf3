"""Photo of a curation, read when its pixels are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from model.photos.images import Image, read_image

MOST_PIXELS_A_SIDE = 1024  # masks are drawn at it, and no engine looks much closer


@dataclass(frozen=True)
class SourcePhoto:
    """A photo that pairs are made of.

    Attributes:
        name: its path below the folder of photos, with slashes.
        path: the file.
        content_hash: blake3 of the file, hex: what the photo is known by.
        size: (height, width) of the upright photo at full size, pixels.
    """

    name: str
    path: Path
    content_hash: str
    size: tuple[int, int]

    @cached_property
    def image(self) -> Image:
        """The pixels, longer side at most 1,024.

        Raises:
            PhotoError: the file is gone, damaged, or has changed.
        """
        return read_image(self.path, max_side=MOST_PIXELS_A_SIDE, of_size=self.size)
