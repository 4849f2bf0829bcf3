"""Disks of other machines, where the kernel tells nobody what others change there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

MOUNTS = Path("/proc/self/mountinfo")
_NAMES = (
    "9p acfs afs beegfs ceph cifs coda davfs drvfs fuse gfs2 glusterfs gpfs lustre ncpfs nfs nfs4"
    " ocfs2 orangefs prl_fs smb2 smb3 smbfs vboxsf virtiofs vmhgfs"
)
_NETWORK = frozenset(_NAMES.split())
_ESCAPED = re.compile(rb"\\([0-7]{3})")


class NetworkPlace(NamedTuple):
    """Folder on a disk whose changes are not told.

    Attributes:
        path: the watched folder itself, or a mount point in it.
        kind: type of the file system, as "nfs4".
    """

    path: str
    kind: str


def network_places(folder: str, mounts: Path = MOUNTS) -> list[NetworkPlace]:
    """Parts of a folder that lie on disks of other machines; none where nothing tells of mounts.

    Args:
        folder: absolute path, which may be a symbolic link.
        mounts: the system's table of mounts.
    """
    try:
        table = mounts.read_bytes()
    except OSError:
        return []
    kinds = dict(filter(None, map(_mounted, table.splitlines())))  # of one place the last counts
    place = os.path.realpath(folder)
    above = place
    while above not in kinds and above != "/":
        above = above.rpartition("/")[0] or "/"
    if _is_network(kinds.get(above, "")):
        return [NetworkPlace(folder, kinds[above])]
    inside = place.rstrip("/") + "/"
    return [
        NetworkPlace(folder.rstrip("/") + "/" + path[len(inside) :], kind)
        for path, kind in sorted(kinds.items())
        if path.startswith(inside) and _is_network(kind)
    ]


def _mounted(line: bytes) -> tuple[str, str] | None:
    """Mount point and type of a line; None where the line is not understood."""
    before, dash, after = line.partition(b" - ")
    fields, said = before.split(b" "), after.split(b" ")
    if not dash or len(fields) < 5 or not said[0]:
        return None
    path = _ESCAPED.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), fields[4])
    return os.fsdecode(path), said[0].decode("ascii", "replace")


def _is_network(kind: str) -> bool:
    # what FUSE shows is a program's, mostly of another machine; fuseblk is a disk of this one
    return kind in _NETWORK or kind.startswith("fuse.")
