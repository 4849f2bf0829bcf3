"""`segsearch curate` killed at random moments and on full disks: the same bytes in the end."""

from __future__ import annotations

import hashlib
import json
import os
import random
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
EARLY, STEPS = 15, 8  # so many kills come within so small a part of what a whole run takes
SIZES = 12  # of disks that are too small
ROOM = 64 << 20  # bytes of one that is not
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
        whole, working = Run(place, place / "whole"), 0.0

        def timed(pid: int) -> None:
            nonlocal working
            whole.until_working()
            working = time.perf_counter()

        began = time.perf_counter()
        code, _, err = whole.ended(meanwhile=timed)
        if code:
            sys.exit(f"an undisturbed run does not work: {err}")
        yield place, whole.content(), working - began, time.perf_counter() - working


def kills(seed: int) -> dict[str, Any]:
    """A run killed time and again, then to its end."""
    chance = random.Random(seed)
    with prepared() as (place, expected, starting, work):
        killed, ends = Run(place, place / "killed"), []
        for number in range(KILLS):

            def kill(pid: int, number: int = number) -> None:
                if chance.random() < STARTING:
                    time.sleep(chance.uniform(0, starting))
                else:
                    killed.until_working()
                    time.sleep(chance.uniform(0, work / (STEPS if number < EARLY else 1)))
                os.kill(pid, signal.SIGKILL)  # one that has ended is not waited for yet

            ends.append(killed.ended(meanwhile=kill)[0])
        code, out, err = killed.ended()
        aside = json.loads(out)["counts"]["photos set aside"] if code in (0, 3) else None
        if aside:
            code, out, err = killed.ended("--retry")
        found = killed.content()
    differ = set(expected.items()) ^ set(found.items())
    return {
        "name": f"killed {KILLS} times, {PICTURES} pictures", "files": len(expected),
        "differ": len(differ), "set_aside": aside,
        "were_killed": sum(end == f"signal {signal.SIGKILL:d}" for end in ends), "work_s": work,
        "ended_badly": bool(code or differ), "said": err[-300:],
    }  # fmt: skip


def full() -> dict[str, Any]:
    """A run on disks that are too small, then again with room."""
    faults: list[str] = []
    said = Counter[str]()
    with prepared() as (place, expected, _, _):
        need = sum(file.stat().st_size for file in (place / "whole").rglob("*") if file.is_file())
        page = os.sysconf("SC_PAGE_SIZE")
        sizes = sorted({max(need * n // SIZES // page, 1) * page for n in range(SIZES)})
        for size in sizes:
            with disk(place / "disk", size) as folder:
                run = Run(place, folder / "out")
                code, _, err = run.ended()
                lines = err.splitlines()
                if code == 1 and len(lines) == 1 and lines[0].startswith("segsearch: "):
                    said[lines[0].replace(str(folder), "")] += 1
                elif code:
                    faults.append(f"{size}: {code} {err[-1500:]}")
                mounted("-o", f"remount,size={ROOM}", folder)
                code, _, err = run.ended()
                if code or run.content() != expected:
                    faults.append(f"{size}, with room: {code} {err[-1500:]}")
    return {
        "name": f"full disk, {len(sizes)} sizes below {need >> 10} KiB", "refused": said.total(),
        "ended_badly": len(faults), "said": dict(said), "faults": faults,
    }  # fmt: skip


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
