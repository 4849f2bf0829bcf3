"""Treebank: sentences with the part of speech of every word and what each depends on (CoNLL-U)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from model.errors import DataMissing, shown
from model.language.dependency_tree import Tree

_COLUMNS = 10


def read_treebank(folder: Path, split: str) -> tuple[Tree, ...]:
    """Sentences of one part of a treebank of Universal Dependencies.

    Args:
        folder: holds `NAME-ud-SPLIT.conllu`, or the same with `.gz`.
        split: `train`, `dev` or `test`.

    Raises:
        DataMissing: there is no such file or not one alone, or it is no CoNLL-U.
    """
    files = sorted(folder.glob(f"*-ud-{split}.conllu*"))
    if len(files) != 1:
        raise DataMissing(
            f"{shown(folder)} holds {len(files)} files *-ud-{split}.conllu",
            "name the folder of one treebank of Universal Dependencies",
        )
    try:
        content = files[0].read_bytes()
        text = gzip.decompress(content) if files[0].suffix == ".gz" else content
        return tuple(_trees(text.decode("utf-8").splitlines()))
    except (OSError, EOFError, zlib.error, ValueError, IndexError) as error:
        raise DataMissing(
            f"{shown(files[0])} is not understood ({error})", "give a file in the CoNLL-U format"
        ) from error


def _trees(lines: Iterable[str]) -> Iterator[Tree]:
    rows: list[list[str]] = []
    for line in (*lines, ""):
        if not line.strip():
            if rows:
                yield _tree(rows)
            rows = []
        elif not line.startswith("#"):
            row = line.split("\t")
            if len(row) != _COLUMNS:
                raise ValueError(f"a row has {len(row)} columns, expected {_COLUMNS}")
            if row[0].isdigit():  # neither words written as one nor words left out
                rows.append(row)


def _tree(rows: list[list[str]]) -> Tree:
    heads = []
    for place, row in enumerate(rows):
        head = int(row[6])
        if int(row[0]) != place + 1 or not 0 <= head <= len(rows):
            raise ValueError(f"word {row[0]} depends on {head} of {len(rows)}")
        heads.append(head - 1 if head else place)
    return Tree(
        tuple(row[1] for row in rows),
        tuple(row[3] for row in rows),
        tuple(heads),
        tuple(row[7] for row in rows),
    )
