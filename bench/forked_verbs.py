"""Verbs in forks of one warm process: each is the whole command, but for its imports.

A fork has everything imported and nothing running, no model, no index and no thread: so a verb
takes a tenth of a second, and its death is its own.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from tempfile import TemporaryFile

from cli import main

SECONDS = 240  # after which it hangs; imports of a first run take a minute where much else runs
_modules = 0  # descriptor of the file to which a fork tells what it has imported


def run(
    *arguments: object, meanwhile: Callable[[int], object] = lambda pid: None
) -> tuple[int | str, str, str]:
    """Exit code, or "hang" or the signal, and what a verb wrote to stdout and stderr."""

    def verb() -> None:
        sys.argv = ["segsearch", *map(str, arguments)]
        main.main()

    return forked(verb, meanwhile)


def forked(
    deed: Callable[[], object], meanwhile: Callable[[int], object] = lambda pid: None
) -> tuple[int | str, str, str]:
    """Exit code, or "hang" or the signal, and what a deed in a fork wrote to stdout and stderr.

    Args:
        deed: what the fork does.
        meanwhile: what is done here when it has begun; it is given the fork's process id.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            code: object = 70
            try:
                deed()
                code = 0
            except SystemExit as ended:
                code = ended.code or 0
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            if _modules:
                os.write(_modules, "\n".join(sys.modules).encode())
            os._exit(code if isinstance(code, int) else 70)
        meanwhile(child)
        ended = _waited(child)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return ended, texts[0], texts[1]


def warmed(verbs: Callable[[], object]) -> None:
    """Import what these verbs import, as their first run tells."""
    global _modules
    with TemporaryFile() as names:
        _modules = names.fileno()
        verbs()
        _modules = 0
        names.seek(0)
        for name in names.read().decode().split("\n"):
            with suppress(Exception):  # modules that are made rather than imported
                importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or each fork's collector copies all pages


def _waited(child: int) -> int | str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else f"signal {-code}"
        time.sleep(0.003)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"
