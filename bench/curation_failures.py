"""`segsearch curate` killed at random moments and on full disks: the same bytes in the end."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from forked_verbs import SECONDS, run, warmed
from PIL import Image

PICTURES, KILLS = 24, 20
STARTING = 0.15  # share of the kills before anything is written
EARLY, STEPS = 12, 10  # so many kills come within so small a part of what a whole run takes
SIZES = 10  # of disks that are too small for the store, and of those for the shards
ROOM = 64 << 20  # bytes of one that is not
PAGE = os.sysconf("SC_PAGE_SIZE")
PAINTS = {"red": (200, 20, 20), "blue": (20, 20, 200), "green": (20, 160, 20)}
CONFIG = """
[boxes]
engine = "preset"
preset = "colours"
[masks]
preset = "colours"
[filters]
duplicates = -1
[shards]
pairs = 4
"""


def painted(folder: Path) -> Path:
    """Pictures of two squares each, with a text file beside each."""
    chance = np.random.default_rng(7)
    folder.mkdir()
    for number in range(PICTURES):
        pixels = np.full((300, 400, 3), 255, np.uint8)
        pixels[:, :, 1] -= chance.integers(0, 4, (300, 400)).astype(np.uint8)
        one, other = chance.choice(list(PAINTS), 2, replace=False)
        y, x = chance.integers(10, 40, 2)
        pixels[y : y + 110, x : x + 130] = PAINTS[one]
        pixels[170 - y : 270, 210:350] = PAINTS[other]
        Image.fromarray(pixels).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"a {one} square and a {other} square\n")
    return folder


class Run:
    """The command with its folders, in forks of this process.

    Args:
        place: folder of all that it reads.
        out: folder that it writes.
    """

    def __init__(self, place: Path, out: Path) -> None:
        self.out = out
        self._words = (
            "curate", place / "photos", "-o", out, "--config", place / "curate.toml", "-q",
            "--json",
        )  # fmt: skip

    def ended(
        self, *more: str, meanwhile: Callable[[int], object] = lambda pid: None
    ) -> tuple[int | str, str, str]:
        """Exit code or signal, stdout and stderr."""
        return run(*self._words, *more, meanwhile=meanwhile)

    def content(self) -> dict[str, str]:
        """Digests of all files but those of `work/`, by their names."""
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in self.out.iterdir()
            if file.is_file()
        }

    def until_working(self) -> None:
        """Wait until the store is opened, which is its first change."""
        deadline, before = time.monotonic() + SECONDS, self._stored()
        while time.monotonic() < deadline and self._stored() == before:
            time.sleep(0.0005)

    def timed(self) -> tuple[float, float]:
        """Seconds until an undisturbed run opens the store, and from there to its end."""
        began, opened = time.perf_counter(), 0.0

        def meanwhile(pid: int) -> None:
            nonlocal opened
            self.until_working()
            opened = time.perf_counter()

        code, _, err = self.ended(meanwhile=meanwhile)
        if code:
            sys.exit(f"an undisturbed run does not work: {err}")
        return opened - began, time.perf_counter() - opened

    def _stored(self) -> list[tuple[int, int]]:
        found = []
        for name in ("stages.sqlite", "stages.sqlite-wal"):
            with suppress(FileNotFoundError):
                told = (self.out / "work" / name).stat()
                found.append((told.st_mtime_ns, told.st_size))
        return found


@contextmanager
def prepared() -> Iterator[tuple[Path, dict[str, str], float, float]]:
    """A folder with pictures; digests, and seconds of starting and of work, of a whole run."""
    with TemporaryDirectory(prefix="curation-") as folder:
        place = Path(folder)
        painted(place / "photos")
        (place / "curate.toml").write_text(CONFIG)
        warmed(Run(place, place / "warming").ended)
        whole = Run(place, place / "whole")
        starting, work = whole.timed()
        yield place, whole.content(), starting, work


def kills(seed: int) -> dict[str, Any]:
    """A run killed time and again, then to its end."""
    chance = random.Random(seed)
    with prepared() as (place, expected, starting, work):
        _, writing = Run(place, place / "whole").timed()  # all outcomes are known
        killed, times, runs = Run(place, place / "killed"), 0, 0
        while times < KILLS:

            def kill(pid: int, most: float = work / STEPS if times < EARLY else writing) -> None:
                if chance.random() < STARTING:
                    time.sleep(chance.uniform(0, starting))
                else:
                    killed.until_working()
                    time.sleep(chance.uniform(0, most))
                os.kill(pid, signal.SIGKILL)  # one that has ended is not waited for yet

            times += killed.ended(meanwhile=kill)[0] == f"signal {signal.SIGKILL:d}"
            runs += 1
        code, out, err = killed.ended()
        aside = json.loads(out)["counts"]["photos set aside"] if code in (0, 3) else None
        if aside:
            code, out, err = killed.ended("--retry")
        found = killed.content()
    differ = set(expected.items()) ^ set(found.items())
    return {
        "name": f"killed {KILLS} times, {PICTURES} pictures", "files": len(expected),
        "differ": len(differ), "set_aside": aside,
        "runs": runs, "work_s": work, "writing_s": writing,
        "ended_badly": bool(code or differ), "said": err[-300:],
    }  # fmt: skip


def full() -> dict[str, Any]:
    """A run on disks that are too small for the store or for the shards, then again with room."""
    faults: list[str] = []
    said = Counter[str]()
    with prepared() as (place, expected, _, _):
        stored, shards = room(place / "whole" / "work"), room(place / "whole")
        for known in (False, True):  # whether the disk has all outcomes already
            for part in range(SIZES):
                size = part * (shards if known else stored) // SIZES + known * (stored + 4 * PAGE)
                with disk(place / "disk", max(size, PAGE)) as folder:
                    again = Run(place, folder / "out")
                    if known:
                        shutil.copytree(place / "whole" / "work", again.out / "work")
                    code, _, err = again.ended()
                    lines = err.splitlines()
                    if code == 1 and len(lines) == 1 and lines[0].startswith("segsearch: "):
                        line = lines[0].replace(str(folder), "")
                        said[re.sub(r"pairs-\d+", "pairs-N", line)] += 1
                    elif code:
                        faults.append(f"{size}: {code} {err[-1500:]}")
                    mounted("-o", f"remount,size={ROOM}", folder)
                    code, _, err = again.ended()
                    if code or again.content() != expected:
                        faults.append(f"{size}, with room: {code} {err[-1500:]}")
    return {
        "name": f"full disk, {2 * SIZES} sizes", "refused": said.total(),
        "ended_badly": len(faults), "said": dict(said), "faults": faults,
    }  # fmt: skip


def room(folder: Path) -> int:
    """Bytes of the pages that the files of a folder take."""
    return sum(
        -(-file.stat().st_size // PAGE) * PAGE for file in folder.iterdir() if file.is_file()
    )


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system in memory of so many bytes; only root can make one."""
    folder.mkdir(exist_ok=True)
    mounted("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def mounted(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)
