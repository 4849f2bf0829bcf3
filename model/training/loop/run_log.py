"""The record of a training: `record.jsonl`, and TensorBoard curves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.atomic_files import replaced
from model.errors import ExtraMissing

RECORD = "record.jsonl"
CURVES = "curves"


class Record:
    """Appends what happens to `record.jsonl` (one JSON object a line) and to the curves.

    Lines and points after `step` (of a run that was killed after its last checkpoint) are
    dropped, so that the record of a resumed run equals that of an undisturbed one.

    Raises:
        ExtraMissing: tensorboard is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ExtraMissing(
                "tensorboard is not installed", "install the extra: pip install 'segsearch[train]'"
            ) from error
        file = folder / RECORD
        kept = [line for line in read_record(folder) if line["step"] <= step]
        with replaced(file) as part:
            part.write_text("".join(json.dumps(line) + "\n" for line in kept))
        self._file = file.open("a", encoding="utf-8")
        self._curves = SummaryWriter(str(folder / CURVES), purge_step=step + 1)

    def add(self, step: int, section: str, values: Mapping[str, float]) -> None:
        """Values of a section (`train`, `val` …) after a step."""
        self._file.write(json.dumps({"step": step, "section": section, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._curves.add_scalar(f"{section}/{name}", value, step)

    def close(self) -> None:
        """Write what is left."""
        self._file.close()
        self._curves.close()


def read_record(folder: Path) -> list[dict[str, Any]]:
    """The lines of a folder's record, in order; a last line that was cut off is left out."""
    file = folder / RECORD
    if not file.is_file():
        return []
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines
