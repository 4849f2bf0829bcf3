"""Kills -9 of the actors of a Ray cluster, at any moment of indexing; then all is compared."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from indexer.backends import open_catalog
from indexer.location import index_folder

ACTOR = b"ray::Doer"
"""How the command line of an actor's process begins, which Ray writes."""
FORGOTTEN = 60
"""Photos that are forgotten where more kills are wanted than indexing lasts for."""
LONGEST = 4.0  # seconds between two kills: an actor takes about as long to start


def kill_actors(
    uri: str, photos: Path, number: int, chance: random.Random, died: Callable[[], None]
) -> None:
    """So many kills of actors that index photos into one index; it must end as if undisturbed.

    Args:
        uri: the index.
        photos: folder of photos.
        number: kills.
        chance: generator that chooses moments and victims.
        died: called after each kill.
    """
    command = [sys.executable, "-m", "cli.main", "index", str(photos), "--index", uri]
    command += ["--preset", "colours", "--ray", "local", "--jobs", "2", "--quiet"]
    left = number
    while left:
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL
        )
        while process.poll() is None:
            actors = _actors()
            if left and actors:
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(actors), signal.SIGKILL)
                    left -= 1
                    died()
                time.sleep(chance.uniform(0, LONGEST))
            time.sleep(0.01)
        assert process.returncode == 0, process.returncode
        if left:
            with open_catalog(index_folder(uri)) as catalog:
                paths = [known.stamp.path for known in catalog.files()]
                catalog.forget_files(chance.sample(paths, min(FORGOTTEN, len(paths))))


def _actors() -> list[int]:
    """Processes of actors, on Linux."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if each.read_bytes().startswith(ACTOR):
                found.append(int(each.parent.name))
    return found
