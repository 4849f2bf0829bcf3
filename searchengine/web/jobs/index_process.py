"""The process that indexes for a server: tells how it goes, a JSON document a line.

Its arguments are the index folder, the preset ("" for the index' own) and the folders. Documents:
`found` (files so far), `planned` (photos, unchanged, seconds), `looked` (path, and of a skipped one
kind and reason), `report`, `error` (kind, what, fix).
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from indexer.scan.plan import Plan
from indexer.update import Progress
from indexer.workers.parent import end_with_parent
from indexer.workers.pipeline import Outcome
from model.errors import SegsearchError, shown
from searchengine.engine import SearchEngine

Tell = Callable[[dict[str, Any]], None]
_SECONDS_BETWEEN = 0.2
INTERRUPTED = 130


class LinesProgress(Progress):
    """Progress as lines.

    Args:
        tell: function that writes a document as a line.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told = 0.0

    def compared(self, found: int, read: int, to_read: int) -> None:
        """Tell how many files were found, some times a second."""
        if time.monotonic() - self._told >= _SECONDS_BETWEEN:
            self._told = time.monotonic()
            self._tell({"found": found})

    def planned(self, plan: Plan, seconds: float, jobs: int) -> None:
        """Tell the estimate."""
        photos = {"photos": len(plan.look), "unchanged": plan.unchanged, "seconds": seconds}
        self._tell({"planned": photos})

    def advanced(self, outcome: Outcome) -> None:
        """Tell one photo."""
        self._tell(
            {"looked": {"path": outcome.path, "kind": outcome.kind, "reason": outcome.reason}}
        )


def main(folder: str, preset: str, roots: list[str]) -> int:
    """Index, and tell it; returns the exit code."""
    end_with_parent()
    # a server in the background of a script has its interrupts ignored, and its children with it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    lines = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a library prints must not end up among the lines

    def tell(document: dict[str, Any]) -> None:
        lines.write(json.dumps(document) + "\n")  # odd names travel as escaped surrogates
        lines.flush()

    with suppress(OSError):
        os.nice(5)  # whoever searches meanwhile goes first
    try:
        with SearchEngine.open(folder, preset or None) as engine:
            tell({"report": engine.index(*roots, progress=LinesProgress(tell)).to_dict()})
    except SegsearchError as error:
        tell({"error": {"kind": type(error).__name__, "what": error.what, "fix": error.fix}})
        return 1
    except OSError as error:
        what = f"{shown(error.filename)}: {error.strerror}" if error.filename else str(error)
        tell({"error": {"kind": "StorageError", "what": what, "fix": "free or mend it"}})
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
