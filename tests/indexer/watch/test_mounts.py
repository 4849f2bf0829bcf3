import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.watch.mounts import NetworkPlace, network_places

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:30 / /mnt/nas rw shared:2 master:1 - nfs4 nas:/photos rw
24 22 0:31 / /mnt/my\\040share rw - cifs //nas/my rw
25 23 8:2 / /mnt/nas/local rw - ext4 /dev/sdb1 rw
26 22 0:32 / /home/me/phone rw - fuse.sshfs me@phone: rw
27 22 8:3 / /mnt/usb rw - fuseblk /dev/sdc1 rw
28 22 0:33 / /mnt/over rw - nfs nas:/a rw
29 22 8:4 / /mnt/over rw - ext4 /dev/sdd1 rw
no line of a table
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(TABLE)
    return file


@pytest.mark.parametrize(
    ("folder", "places"),
    [
        ("/mnt/nas/2023", [("/mnt/nas/2023", "nfs4")]),
        ("/mnt/nas", [("/mnt/nas", "nfs4")]),
        ("/mnt/nasty", []),
        ("/mnt/nas/local/a", []),
        ("/mnt/my share/x", [("/mnt/my share/x", "cifs")]),
        ("/home/me", [("/home/me/phone", "fuse.sshfs")]),
        ("/home/me/phone/dcim", [("/home/me/phone/dcim", "fuse.sshfs")]),
        ("/mnt/usb", []),
        ("/mnt/over", []),
        ("/", [("/home/me/phone", "fuse.sshfs"), ("/mnt/my share", "cifs"), ("/mnt/nas", "nfs4")]),
    ],
)
def test_disks_of_other_machines_are_known_by_their_type(
    table: Path, folder: str, places: list[tuple[str, str]]
) -> None:
    assert network_places(folder, table) == [NetworkPlace(*place) for place in places]


def test_a_link_to_such_a_disk_is_one(tmp_path: Path) -> None:
    place = tmp_path / "nas"
    place.mkdir()
    (tmp_path / "link").symlink_to(place)
    file = tmp_path / "mountinfo"
    file.write_text(f"1 0 0:1 / {os.path.realpath(place)} rw - smb3 //nas/x rw\n")
    link = str(tmp_path / "link")
    assert network_places(link, file) == [NetworkPlace(link, "smb3")]


def test_without_a_table_all_is_local(tmp_path: Path) -> None:
    assert network_places("/", tmp_path / "none") == []


def test_this_machine_has_a_table_that_is_read() -> None:
    assert all(place.path.startswith("/") for place in network_places("/"))


@given(st.binary(max_size=80))
def test_any_table_is_borne(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    file = tmp_path_factory.mktemp("table") / "mountinfo"
    file.write_bytes(noise + b"\n" + TABLE.encode())
    assert network_places("/mnt/my share", file)
