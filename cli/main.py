"""The command `segsearch`: how it begins, and how it ends.

Exit codes: 0 done · 1 our error, told in one line · 2 wrong usage · 3 done, but photos were skipped
or questions not understood · 130 interrupted.

Imports little, so that an interrupt finds it ready from the first instant.
"""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130  # Typer's exit code for a KeyboardInterrupt, and the shell's


def main() -> None:
    """Run the command line, and end the process."""
    try:
        # Read by OpenMP as it is loaded. Threads that wait for each other by spinning take the
        # cores from whatever else runs: beside two busy processes, indexing took 2.7 times as long.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # The same of OpenBLAS, numpy's: 2^16 cycles instead of 2^26. That was half
        # of a search's CPU time.
        os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")
        code = _code()
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("interrupted; what was done so far is kept", file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _code() -> int:
    """Run the command line; its exit code."""
    from cli.streams import ReaderGone, hold_standard_streams

    hold_standard_streams()
    try:
        from cli.app import app

        try:
            app()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            code = 0
        sys.stdout.flush()
        return code
    except ReaderGone:
        return 0
    except Exception as error:
        line = _line_of(error)
        if line is None:
            raise
        print(f"segsearch: {line}", file=sys.stderr)  # noqa: T201
        return _code_of(error)


def _code_of(error: Exception) -> int:
    """Exit code of an error that is told in one line: a question that cannot be asked is wrong
    usage; that nothing is kept under a name, or something is, is not."""
    from model.errors import NameTaken, NameUnknown, OutputUnusable, QueryError

    if isinstance(error, NameTaken | NameUnknown):
        return 1
    return 2 if isinstance(error, OutputUnusable | QueryError) else 1


def _line_of(error: Exception) -> str | None:
    """Line on an error that is no fault of the program; None for one that is."""
    from cli.spoken import as_options
    from model.errors import SegsearchError, shown

    if isinstance(error, SegsearchError):
        return shown(as_options(str(error)))
    if isinstance(error, OSError) and error.errno is not None:
        where = f"{shown(error.filename)}: " if error.filename else ""
        return f"{where}{error.strerror}: free or mend it, then run the command again"
    return None


if __name__ == "__main__":
    main()
