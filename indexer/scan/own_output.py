"""Our own output inside a collection: exports and contact sheets, told by the mark they carry.

A picture that segsearch draws says so in its first bytes: `Software: segsearch` as a PNG text
chunk, `segsearch` as a JPEG comment. An export lists its files in the manifest beside them.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

SOFTWARE = "segsearch"
"""Value of the mark: PNG text chunk `Software`, JPEG comment."""
MANIFEST = "manifest.json"
"""Name of the list of an export's files; its first key is `SOFTWARE`."""

_HEAD_BYTES = 4096
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_MARK = b"Software\0" + SOFTWARE.encode()
_COMMENT = 0xFE  # the JPEG segment
_ENTRY = b'{"file":'


def is_own_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a PNG or JPEG that segsearch drew; False where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return False
    if head.startswith(_PNG):
        return _png_mark(head)
    return head.startswith(b"\xff\xd8") and _jpeg_mark(head)


def exported_files(folder: str | os.PathLike[str]) -> set[str]:
    """Names, below a folder, of the files that an export wrote there; empty where none did.

    The manifest itself is among them. Of one that is cut short, the entries that are whole.
    """
    names: set[str] = set()
    try:
        with (Path(folder) / MANIFEST).open("rb") as file:
            head = file.read(64)
            if head.lstrip(b"\xef\xbb\xbf{ \r\n\t")[:11] != b'"segsearch"':
                return names
            names.add(MANIFEST)
            file.seek(0)
            for line in file:  # an entry a line, so that a million of them need no memory
                if line.lstrip().startswith(_ENTRY):
                    names.update(_entry_name(line))
    except (OSError, ValueError):
        return names
    return names


def _entry_name(line: bytes) -> set[str]:
    try:
        entry: Any = json.loads(line.strip().rstrip(b","))
        return {str(entry["file"])}
    except (ValueError, TypeError, KeyError):
        return set()


def _png_mark(head: bytes) -> bool:
    place = len(_PNG)
    while place + 8 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, place)
        body = head[place + 8 : place + 8 + length]
        if kind == b"tEXt" and body == _PNG_MARK:
            return True
        if kind == b"IDAT":
            return False
        place += length + 12
    return False


def _jpeg_mark(head: bytes) -> bool:
    place = 2
    while place + 4 <= len(head) and head[place] == 0xFF:
        kind, length = head[place + 1], int.from_bytes(head[place + 2 : place + 4], "big")
        if kind == _COMMENT and head[place + 4 : place + 2 + length] == SOFTWARE.encode():
            return True
        place += length + 2
    return False
