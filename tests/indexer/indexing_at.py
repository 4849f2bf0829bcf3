"""Index the same folder again and again, in a new process each time: `indexing_at.py INDEX FOLDER`.

Workers look at three photos at a time. Each line read from standard input is one run, in a fork
that needs no time to start; its pid is answered at once, then "planned" when the first photo is
about to be looked at, "stored" after each photo, and "ended". A line may name an audit event and a
part of its first argument: there, the run kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path

from indexer.scan.plan import Plan
from indexer.update import Options, Progress, update
from indexer.workers.pipeline import Outcome
from model.presets.preset import load_preset


class Aloud(Progress):
    def planned(self, plan: Plan, seconds: float, jobs: int) -> None:
        tell("planned")

    def advanced(self, outcome: Outcome) -> None:
        tell("stored")


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def die_at(event: str, part: str = "") -> None:
    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name == event and part in str(arguments[0] if arguments else ""):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main() -> None:
    index, photos = map(Path, sys.argv[1:])
    preset = replace(load_preset("colours"), photos_at_once=3)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                if line.strip():
                    die_at(*line.split())
                update(index, [photos], preset, Options(jobs=2), Aloud())
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        tell(str(child))
        os.waitpid(child, 0)
        tell("ended")


if __name__ == "__main__":
    main()
