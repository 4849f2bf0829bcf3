"""Sources of a recipe's training pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from model.datasets.corpus import corpus_pairs
from model.datasets.pairs import TrainingPair
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataMissing, shown


@dataclass(frozen=True)
class PairSource:
    """One data set of a recipe; paths are relative to the folder that `--data` names.

    Attributes:
        format: `corpus` (SOURCE/annotations.jsonl and SOURCE/images/), `coco` (also LVIS and
            PACO), `visual-genome` (region descriptions), `refcoco`, `pascal-part` (MATLAB files)
            or `parquet` (a shard or a folder of shards).
        annotations: the file, or folder; of `refcoco` the references.
        photos: the folder of the photos.
        instances: file of the masks, for `refcoco`.
        split: split to read, for `corpus` and `refcoco`; "": all.
        holdout: share of the split `train` to keep back as the split `holdout`, for `corpus`.
        kinds: kinds of pairs to take; all by default.
        least_score: least score of the pairs to take.
    """

    format: Literal["corpus", "coco", "visual-genome", "refcoco", "pascal-part", "parquet"]
    annotations: str = "."
    photos: str = "images"
    instances: str = "instances.json"
    split: str = ""
    holdout: float = 0.0
    kinds: tuple[str, ...] = ()
    least_score: float = 0.0

    def pairs(self, data: Path, skipped: SkippedRows) -> Iterator[TrainingPair]:
        """The pairs, streamed in the data set's own order.

        Raises:
            DataMissing: the data set is not there, or something else.
            ExtraMissing: the data set needs a package that is not installed.
        """
        for pair in self._read(data, skipped):
            if pair.score >= self.least_score and (not self.kinds or pair.kind in self.kinds):
                yield pair

    def _read(self, data: Path, skipped: SkippedRows) -> Iterator[TrainingPair]:
        from model.datasets import coco as coco_pairs
        from model.datasets import parquet as parquet_pairs
        from model.datasets import pascal_part as pascal_part_pairs
        from model.datasets import refcoco as refcoco_pairs
        from model.datasets import visual_genome as visual_genome_pairs

        file, photos = data / self.annotations, data / self.photos
        if self.format == "coco":
            return coco_pairs.coco_pairs(file, photos, skipped)
        if self.format == "visual-genome":
            return visual_genome_pairs.visual_genome_pairs(file, photos, skipped)
        if self.format == "refcoco":
            instances = data / self.instances
            return refcoco_pairs.refcoco_pairs(file, instances, photos, self.split, skipped)
        if self.format == "pascal-part":
            return pascal_part_pairs.pascal_part_pairs(file, photos, skipped)
        if self.format == "parquet":
            return parquet_pairs.parquet_pairs(file, photos, skipped)
        return corpus_pairs(file, self.split, skipped, self.holdout)


def all_pairs(
    sources: tuple[PairSource, ...], data: Path, skipped: SkippedRows
) -> Iterator[TrainingPair]:
    """The pairs of several data sets, one after the other.

    Raises:
        DataMissing: a data set is not there, or none of its pairs can be used.
    """
    for source in sources:
        empty = True
        for pair in source.pairs(data, skipped):
            empty = False
            yield pair
        if empty:
            reasons = "; ".join(skipped.lines()) or "it is empty"
            raise DataMissing(
                f"no pair of the {source.format} data '{shown(source.annotations)}' can be used"
                f" ({reasons})",
                "check --data and the recipe",
            )
