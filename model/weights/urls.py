"""URLs that may be asked for a file: whether one is well formed, and its host can exist."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"(?!-)[A-Za-z0-9_.-]+|[0-9a-f:.]+(%\w+)?")


def url_fault(url: str) -> str:
    """Fault of a URL, in a few words; "" if it may be asked for a file.

    It must be http or https, without a user name, with a host that IDNA can write down (RFC 5890:
    labels of 1 to 63 characters) and a port from 1 to 65535.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https"):
        return f"it leads to {parts.scheme or 'nowhere'}://…"
    if parts.username is not None or parts.password is not None:
        return "it holds a user name"
    try:
        known = _HOST.fullmatch(host.encode("idna").decode("ascii")) is not None
    except UnicodeError:
        known = False
    if not known:
        return f"no host is called '{host}'" if host else "it names no host"
    return "port 0 is none" if port == 0 else ""
