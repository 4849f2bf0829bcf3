"""A curation from beginning to end: photos through the stages, then shards and a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from model.curation.building import Curation
from model.curation.looks import LooksTask
from model.curation.manifest import Manifest
from model.curation.near_duplicates import AGAIN, SeenPhotos
from model.curation.parquet_shards import ParquetShards
from model.curation.pipeline import Pipeline
from model.curation.report import Report, ReportBuilder
from model.curation.report_page import write_report
from model.curation.shards import ShardWriter
from model.curation.source_photo import SourcePhoto
from model.curation.stage_store import StageStore
from model.curation.stages import read_pair
from model.curation.webdataset_shards import WebDatasetShards
from model.task import By

STORE = "stages.sqlite"
Progress = Callable[[int, int], None]


def curate(
    curation: Curation,
    photos: Sequence[SourcePhoto],
    out: Path,
    progress: Progress,
    *,
    retry: bool = False,
    by: By | None = None,
) -> Report:
    """Make pairs of photos and write them, with a manifest and a report.

    A run that was stopped goes on where it was, and ends with the same bytes as one that was not.

    Args:
        curation: the stages.
        photos: photos, each content once.
        out: folder of the shards; made when missing.
        progress: told how many photos are through, and of how many.
        retry: whether photos that were set aside are tried again.
        by: whoever does the stages that look at photos; None: threads of this process.

    Raises:
        CurationError, StorageFull: the folder cannot be used, or an engine is away.
    """
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    store = StageStore(work / STORE)
    try:
        if retry:
            store.forget_attempts()
        looks = None
        if by is not None:
            task = LooksTask(curation.config, curation.photos, curation.needs)
            looks = partial(by, task)
        pipeline = Pipeline(curation.stages, store, looks)
        progress(0, len(photos))
        for done, _ in enumerate(pipeline.run(photos), 1):
            progress(done, len(photos))
        return _written(curation, pipeline, photos, out)
    finally:
        store.close()


def _written(
    curation: Curation, pipeline: Pipeline, photos: Sequence[SourcePhoto], out: Path
) -> Report:
    """The shards, in the order of the photos' hashes, so that it does not matter who was first."""
    config = curation.config
    seen, report = SeenPhotos(config.filters.duplicates), ReportBuilder(curation.stages)
    kinds: type[ShardWriter] = ParquetShards
    if config.shards.format == "webdataset":
        kinds = WebDatasetShards
    with kinds(out, config.shards.pairs) as writer:
        for photo in sorted(photos, key=lambda photo: photo.content_hash):
            work = pipeline.known(photo)
            if work.failed is None and not seen.is_new(work.outcomes["boxes"]["hash"]):
                work.failed = ("pairs", AGAIN)
            report.add(work)
            if work.failed is None:
                pairs = work.outcomes["pairs"]["pairs"]
                writer.add(photo, [read_pair(pair, photo) for pair in pairs])
    told = report.finished()
    Manifest(
        config.to_dict(), config.prompts.version, curation.engines, told.counts, writer.shards
    ).write(out)
    write_report(told, out)
    return told
