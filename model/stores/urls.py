"""URLs of stores: which texts are some, and how each is spelled in an index."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from model.errors import RootMissing, StoreUnsupported, shown

PROTOCOLS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "abfs": "abfs",
    "abfss": "abfss",
    "oss": "oss",
    "memory": "memory",
}
"""Protocols of stores, each with the one that an index knows it by."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://", re.ASCII)
_LOCAL = ("file", "local")


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether a text names a place in a store, rather than one on a disk."""
    return isinstance(path, str) and _URL.match(path) is not None


def plain_place(path: str | os.PathLike[str]) -> str:
    """A place as an index spells it: a URL, or a path on a disk as it was given.

    The protocol is in lower case and by its shortest name, and nothing follows the last "/"; what
    stands between is a key, of which no letter is changed. `file:` URLs become paths.

    Raises:
        StoreUnsupported: no store that photos are read from is named, or a password is.
    """
    found = _URL.match(path) if isinstance(path, str) else None
    if found is None:
        return os.fspath(path)
    assert isinstance(path, str)
    protocol, rest = found[1].lower(), path[found.end() :]
    if protocol in _LOCAL:
        return _on_disk(rest)
    if protocol not in PROTOCOLS:
        raise StoreUnsupported(
            f"{protocol}:// is no store that photos are read from",
            f"name a folder, or one of {', '.join(f'{name}://' for name in PROTOCOLS)}",
        )
    _refuse_secrets(protocol, rest)
    bucket = rest.partition("/")[0]
    if not bucket and protocol != "memory":
        raise StoreUnsupported(f"{shown(path)} names no bucket", f"give {protocol}://BUCKET/PREFIX")
    return f"{PROTOCOLS[protocol]}://{rest.rstrip('/')}"


def absolute_place(path: str | os.PathLike[str]) -> str:
    """A place as `plain_place` spells it; a path on a disk is absolute, its symlinks kept.

    Raises:
        StoreUnsupported: the cases of `plain_place`.
    """
    place = plain_place(path)
    return place if is_url(place) else os.path.abspath(place)  # noqa: PTH100, keeps symlinks


def parts(url: str) -> tuple[str, str, str]:
    """Protocol, bucket and key of a place in a store; the key is "" for the whole bucket."""
    protocol, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    return protocol, bucket, key


def parent_of(place: str) -> str:
    """The folder that a file is in, or the URL of what an object lies below."""
    return place.rpartition("/")[0] if is_url(place) else str(Path(place).parent)


def name_of(place: str) -> str:
    """The last part of a URL or path."""
    return place.rpartition("/")[2]


def _on_disk(rest: str) -> str:
    """Path of a file: URL, as file managers hand it out."""
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost"):
        raise RootMissing(f"file://{shown(host)} is another machine", "mount it, or copy from it")
    return str(Path(unquote(slash + path)))


def _refuse_secrets(protocol: str, rest: str) -> None:
    """Raise StoreUnsupported where a URL holds a name and a password, a token or a signature."""
    authority = rest.partition("/")[0]
    named = "@" in authority and not protocol.startswith("abfs")  # container@account
    query = urlsplit(f"//{rest}").query
    signed = re.search(r"(^|&)(sig|x-amz-[a-z-]+|awsaccesskeyid|x-goog-[a-z-]+)=", query.lower())
    if named or ":" in authority or signed:
        raise StoreUnsupported(
            f"a {protocol}:// URL that holds a password or a signature is not taken, since an"
            " index would keep it",
            "leave it out: credentials come from the environment or their usual files",
        )
