"""Training pairs from Parquet shards, as the curation of captions writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.datasets.coco import NOT_UNDERSTOOD
from model.datasets.pairs import BOX_KIND, TrainingPair
from model.datasets.photo_folder import PhotoFolder
from model.datasets.regions import rectangle, region_counts
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataMissing, ExtraMissing, shown

NEEDED = ("photo", "width", "height", "counts", "texts", "kind")
OPTIONAL = ("bbox", "sources", "score")
ROWS = 1024  # read at a time


def parquet_pairs(shards: Path, photos: Path, skipped: SkippedRows) -> Iterator[TrainingPair]:
    """The rows of a Parquet file, or of all `*.parquet` below a folder in the order of their names.

    Columns: `photo` (a name below `photos`), `width`, `height`, `counts` (COCO compressed run
    lengths, text or bytes; null where only the box is known), `texts` (list), `kind`; and where
    present `bbox` ([x, y, width, height]), `sources` (list) and `score`.

    Raises:
        DataMissing: there is no shard. A damaged shard is skipped.
        ExtraMissing: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ExtraMissing(
            "pyarrow is not installed", "install the extra: pip install 'segsearch[train]'"
        ) from error
    files = [shards] if shards.is_file() else sorted(shards.rglob("*.parquet"))
    if not files:
        raise DataMissing(
            f"{shown(shards)} holds no .parquet file", "check --data and the recipe's annotations"
        )
    folder = PhotoFolder(photos)
    for file in files:
        number = 0
        try:
            with parquet.ParquetFile(file) as shard:
                present = set(shard.schema_arrow.names)
                lacking = [name for name in NEEDED if name not in present]
                if lacking:
                    skipped.note(shown(file), f"a shard without the column '{lacking[0]}'")
                    continue
                columns = [name for name in (*NEEDED, *OPTIONAL) if name in present]
                for rows in shard.iter_batches(ROWS, columns=columns):
                    for row in rows.to_pylist():
                        try:
                            yield _pair(row, folder)
                        except NOT_UNDERSTOOD as error:
                            skipped.note(f"row {number} of {shown(file)}", _reason(error), error)
                        number += 1
        except (pyarrow.ArrowException, OSError) as error:
            skipped.note(f"{shown(file)} after row {number}", "the shard is damaged", error)


def _pair(row: Mapping[str, Any], folder: PhotoFolder) -> TrainingPair:
    size = (int(row["height"]), int(row["width"]))
    texts = tuple(text.strip() for text in row["texts"] if text and text.strip())
    if not texts:
        raise ValueError("it has no text")
    path = folder.find(row["photo"])
    counts, kind = row["counts"], str(row["kind"])
    if counts is None:
        region, kind = rectangle(row["bbox"], size), BOX_KIND
    else:
        region = region_counts({"counts": counts}, size)
    score = 1.0 if row.get("score") is None else float(row["score"])
    if not 0 <= score <= 1:
        raise ValueError(f"its score is {score}, expected 0 to 1")
    return TrainingPair(path, size, region, texts, kind, tuple(row.get("sources") or ()), score)


def _reason(error: Exception) -> str:
    missing = "the photo is not there"
    return missing if str(error) == missing else "the row is damaged"
