"""Assets: the page's own files, read once from a fixed folder and served from memory."""

from __future__ import annotations

import gzip
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
        packed: its bytes as gzip has them, which is how browsers are sent it.
        content_type: type by its suffix.
        etag: weak tag of the content, the same however it is packed.
    """

    content: bytes
    packed: bytes
    content_type: str
    etag: str


def read_assets(folder: Path = STATIC) -> Mapping[str, Asset]:
    """The files of a folder and below by their paths in it, those of known suffixes alone."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content_type = CONTENT_TYPES.get(path.suffix)
        if content_type is not None and path.is_file():
            content = path.read_bytes()
            etag = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
            packed = gzip.compress(content, mtime=0)
            name = path.relative_to(folder).as_posix()
            found[name] = Asset(content, packed, content_type, etag)
    return found
