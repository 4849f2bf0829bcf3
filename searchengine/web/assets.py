"""Assets: the page's own files, read once from a fixed folder and served from memory."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

STATIC = Path(__file__).with_name("static")
INDEX = "index.html"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".json": "application/json",
    ".woff2": "font/woff2",
}


class Asset(NamedTuple):
    """One file of the page.

    Attributes:
        content: its bytes.
        content_type: type by its suffix.
        etag: tag of the content, in quotes.
    """

    content: bytes
    content_type: str
    etag: str


def read_assets(folder: Path = STATIC) -> Mapping[str, Asset]:
    """The files of a folder and below by their paths in it, those of known suffixes alone."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content_type = CONTENT_TYPES.get(path.suffix)
        if content_type is not None and path.is_file():
            content = path.read_bytes()
            etag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
            found[path.relative_to(folder).as_posix()] = Asset(content, content_type, etag)
    return found
