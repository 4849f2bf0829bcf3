"""How a figure is printed, and how a measurement gets a quiet process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def show(figure: dict[str, Any], *, as_json: bool) -> None:
    """One figure on one line."""
    if as_json:
        print(json.dumps(figure), flush=True)
    else:
        name, *rest = figure.items()
        print(f"{name[1]:<44}", *(f"{key} {_short(value)}" for key, value in rest), flush=True)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def in_child(script: str, *arguments: object) -> dict[str, Any]:
    """What `script --child arguments…` prints last, as JSON; it runs alone and in one thread."""
    done = subprocess.run(
        [sys.executable, script, "--child", *map(str, arguments)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def resident_bytes() -> int:
    """Memory that this process holds now, pages of mapped files included."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])
