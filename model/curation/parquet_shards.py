"""Parquet shards of pairs, for `datasets`, pandas, DuckDB and `model.datasets.parquet`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from model.curation.shards import PhotoPairs, ShardWriter, pair_fields
from model.errors import ExtraMissing

_ROW_GROUP = 1024  # rows that a reader has in memory at once


class ParquetShards(ShardWriter):
    """Parquet files with a row a pair, compressed by zstd.

    Columns: `photo` (text), `width`, `height` (int32, pixels of the frame), `counts` (COCO
    compressed run lengths, text; null where only the box is known), `bbox` ([x, y, width, height],
    float32, pixels of that frame), `texts` (list), `kind`, `sources` (list), `score` (float64).
    The same pairs in the same order give the same bytes, of one version of pyarrow.

    Raises:
        ExtraMissing: pyarrow is not installed.
    """

    suffix = "parquet"

    def __enter__(self) -> Self:
        required_pyarrow()
        return super().__enter__()

    def _write(self, part: Path, photos: Sequence[PhotoPairs]) -> Sequence[PhotoPairs]:
        from pyarrow import parquet

        pyarrow = required_pyarrow()
        rows = [
            {
                "photo": photo.name,
                "width": pair.size[1],
                "height": pair.size[0],
                **pair_fields(pair),
            }
            for photo in photos
            for pair in photo.pairs
        ]
        words = pyarrow.list_(pyarrow.string())
        schema = pyarrow.schema(
            {
                "photo": pyarrow.string(),
                "width": pyarrow.int32(),
                "height": pyarrow.int32(),
                "counts": pyarrow.string(),
                "bbox": pyarrow.list_(pyarrow.float32()),
                "texts": words,
                "kind": pyarrow.string(),
                "sources": words,
                "score": pyarrow.float64(),
            }
        )
        table = pyarrow.Table.from_pylist(rows, schema=schema)
        parquet.write_table(table, part, compression="zstd", row_group_size=_ROW_GROUP)
        return photos


def required_pyarrow() -> Any:
    """The package pyarrow, which Parquet needs.

    Raises:
        ExtraMissing: pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise ExtraMissing(
            "pyarrow is not installed", "install the extra: pip install 'segsearch[curate]'"
        ) from error
    return pyarrow
