"""ServeSettings: what one server serves, where, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from model.errors import ServerError

PORT = 8017
SHORTEST_TOKEN = 16


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Settings of one server.

    Attributes:
        folder: index folder; it need not be there yet.
        preset: name or TOML path; None: the one that made the index, or `nano`.
        host: address that is listened on.
        port: port; 0 for any that is free.
        token: secret that each request must bear; None where only this machine can ask.
        allowed_hosts: names by which a proxy, or others in the network, call this server.
        roots: folders below which photos may be indexed on request.
        export_folder: folder below which exports may be written on request; None: zip files only.
        demo: whether the demo's index is served.

    Raises:
        ServerError: others could ask, and no secret is asked of them.
    """

    folder: Path
    preset: str | None = None
    host: str = "127.0.0.1"
    port: int = PORT
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    export_folder: Path | None = None
    demo: bool = False

    def __post_init__(self) -> None:
        if self.token is not None and (
            len(self.token) < SHORTEST_TOKEN or not self.token.isascii() or " " in self.token
        ):
            raise ServerError(
                "the token is easily guessed or cannot be sent",
                f"give {SHORTEST_TOKEN} or more random letters and digits",
            )
        if self.token is None and not is_loopback(self.host):
            raise ServerError(
                f"whoever reaches {self.host} could search these photos",
                "give --token with a secret of your own, or leave --host out",
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
