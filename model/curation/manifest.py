"""Manifest of a folder of shards: what they were made with, and what they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.atomic_files import replaced
from model.curation.shards import MANIFEST, Shard
from model.errors import CurationError, shown

FORMAT = 1
_SHARD = re.compile(r"pairs-\d{5,}\.(parquet|tar)")


@dataclass(frozen=True)
class Engine:
    """Something that had a say in the pairs.

    Attributes:
        stage: stage that it served, as "captions".
        name: name for people.
        fingerprint: hex digest of all that decides what it says.
    """

    stage: str
    name: str
    fingerprint: str


@dataclass(frozen=True)
class Manifest:
    """All that a folder of shards tells of itself.

    Attributes:
        config: settings of the curation, as they were given; plain data without secrets.
        prompts: version of the questions that captioning models were asked; "" where none was.
        engines: engines in the order of their stages.
        counts: numbers of the whole curation by their names, as {"photos": 12}.
        shards: every shard of the folder.
    """

    config: Mapping[str, Any]
    prompts: str
    engines: Sequence[Engine]
    counts: Mapping[str, int]
    shards: Sequence[Shard]

    def write(self, folder: Path) -> None:
        """Write `manifest.json`, the last of all files, and remove shards that it does not name.

        Those are left from an earlier run that made more; a reader of the folder would take them
        for part of this one.

        Raises:
            CurationError: the folder cannot be written to.
        """
        named = {shard.file for shard in self.shards}
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)
        try:
            for file in folder.iterdir():
                if _SHARD.fullmatch(file.name) and file.name not in named:
                    file.unlink()
            with replaced(folder / MANIFEST) as part:
                part.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise CurationError(
                f"{shown(folder)} cannot be written to ({error.strerror or shown(error)})",
                "make room, or name another folder",
            ) from error
