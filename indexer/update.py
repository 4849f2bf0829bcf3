"""Update: bring an index up to date with folders of photographs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from indexer.backends import create_catalog, has_one_writer, open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.records import FileStamp, Manifest
from indexer.index import Index
from indexer.lock import WriterLock
from indexer.recorder import Recorder
from indexer.report import Report
from indexer.scan.passed_over import Selection
from indexer.scan.plan import Plan, make_plan
from indexer.scan.pruning import refuse_accidental_pruning
from indexer.scan.roots import is_absent, known_root
from indexer.scan.walk import walk
from indexer.thumbnails.writer import ThumbnailWriter
from indexer.vectors import cache as vector_cache
from indexer.work import OwnWork, SharedWork, Work
from indexer.workers.indexing_task import IndexingTask
from indexer.workers.pipeline import Outcome
from indexer.workers.pool import Pool, worker_pool
from indexer.workers.store_patience import StorePatience
from model.errors import IndexMissing, StorageError, shown
from model.photos.images import DEFAULT_MAX_MEGAPIXELS
from model.presets.preset import Preset
from model.task import Needs


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of bringing an index up to date.

    Attributes:
        jobs: worker processes, one thread each; 0 for one a CPU core, as far as memory goes.
        max_megapixels: photos with more are skipped.
        prune: whether files that are gone from their folders are forgotten.
        force: prune even if a folder is missing or emptied, or more than half would go.
        dry_run: find out what would be done, and write nothing.
        retry: try files again that could not be read before, though they are unchanged.
        exclude: patterns of paths that are passed over, as `Selection` reads them. What the index
            holds of them it keeps, unless `prune_excluded`.
        include: patterns of what is taken all the same, also of hidden places and waste bins.
        prune_excluded: whether files of the index that are passed over now are forgotten, too.
        thumbnails: whether a small picture of each new photo is kept beside the index.
        ray: address of a Ray cluster whose machines look at the photos, `local` for one of this
            machine alone; "": worker processes of this one.
        parts: whether the folders are parts of what was indexed, and not to be remembered as
            folders of their own.
    """

    jobs: int = 0
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS
    prune: bool = False
    force: bool = False
    dry_run: bool = False
    retry: bool = False
    exclude: Sequence[str] = ()
    include: Sequence[str] = ()
    prune_excluded: bool = False
    thumbnails: bool = True
    ray: str = ""
    parts: bool = False


class Progress:
    """Whoever wants to know how it goes; by itself it says nothing."""

    def compared(self, found: int, read: int, to_read: int) -> None:
        """Again and again, while files are compared with the index: how many were found so far,
        were read to know their content, and will be in all."""

    def planned(self, plan: Plan, seconds: float, jobs: int) -> None:
        """Before the first photo: what will be done, and about how long it takes."""

    def advanced(self, outcome: Outcome) -> None:
        """After each photo."""

    def elsewhere(self, photos: int) -> None:
        """Now and then, where several processes share the work: how many of the photos that were
        planned others have looked at so far."""


def update(
    folder: Path,
    roots: Sequence[Path | str],
    preset: Preset,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Report:
    """Look at what is new or changed under `roots`, and remember it in the index at `folder`.

    Roots are folders or files on a disk, or URLs of a store's objects.

    One transaction a photo: whatever ends this early, all photos up to then are kept, and the
    next run goes on from there. Where a database holds the index, several processes that are given
    the same folders share the work, and each returns when all of it is done.

    Raises:
        IndexLocked: another process is writing to the index.
        PresetMismatch: the index was made with another preset.
        WeightsMissing: the preset's weights are not here, and a new index would need them.
        RootMissing: one of `roots` is not there.
        RootUnreachable: a store cannot be listed, or does not answer any more.
        PruneRefused: more would be forgotten than looks intended.
        StorageError: the index cannot be written.
    """
    options, progress = options or Options(), progress or Progress()
    began = time.monotonic()
    bold = (options.prune or options.prune_excluded) and options.force
    present = [root for root in roots if not (bold and is_absent(root))]
    selection = Selection(options.exclude, options.include)
    walk(present)  # whether all are there
    with ExitStack() as stack:
        if options.dry_run:
            catalog = stack.enter_context(_readable_catalog(folder, preset, stack))
        else:
            _make_folder(folder)
            if has_one_writer(folder):
                stack.enter_context(WriterLock(folder))
            catalog = stack.enter_context(_writable_catalog(folder, preset))
        index = Index(folder, catalog)
        index.require_preset(preset)
        paths = [known_root(root, catalog.roots()) for root in roots]
        here = [known_root(root, catalog.roots()) for root in present]
        plan = make_plan(
            catalog,
            paths,
            walk(here, selection),
            selection,
            max_megapixels=options.max_megapixels,
            retry=options.retry,
            told=progress.compared,
        )
        prune = options.prune or options.prune_excluded
        if prune and not options.force:
            refuse_accidental_pruning(plan, catalog, paths)
        if options.prune_excluded:
            plan.gone, plan.kept = sorted(plan.gone + plan.kept), []
        pool = stack.enter_context(
            worker_pool(
                IndexingTask(
                    preset.reference,
                    options.max_megapixels,
                    options.thumbnails,
                    Needs.of(preset),
                ),
                len(plan.look),
                asked=options.jobs,
                ray="" if options.dry_run or not plan.look else options.ray,
                # a cluster does not ask: there a copy in another file is looked at, and recognised
                # when it is stored
                answer=lambda digests: [catalog.photo_by_pixels(d) is not None for d in digests],
            )
        )
        progress.planned(plan, _estimate(catalog, plan, preset, pool.jobs), pool.jobs)
        report = Report.of(plan)
        shared = None if options.dry_run else catalog.job_list(paths)
        if options.dry_run:
            report.expect(plan, prune=prune)
        else:
            for path in [] if options.parts else here:
                catalog.remember_root(path)
            work: Work = OwnWork(plan.look)
            if shared is not None:
                work = SharedWork(
                    shared,
                    _with_twins(plan),
                    at_once=pool.at_once,
                    retry=options.retry,
                    told=progress.elsewhere,
                )
            _carry_out(index, plan, report, pool, work, progress, prune=prune)
    report.seconds = time.monotonic() - began
    return report


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the folder {shown(folder)} cannot be made ({error.strerror})",
            "name another one for the index",
        ) from error


def _writable_catalog(folder: Path, preset: Preset) -> Catalog:
    try:
        return open_catalog(folder)
    except IndexMissing:
        preset.require_weights()  # or an index would be left that needs what was never fetched
        # vectors without a catalog tell nothing, and must not be taken for those of the new one
        (folder / vector_cache.FILE).unlink(missing_ok=True)
        try:
            return create_catalog(folder, _manifest(preset))
        except StorageError:
            if has_one_writer(folder):
                raise
            return open_catalog(folder)  # another process has made it meanwhile


def _readable_catalog(folder: Path, preset: Preset, stack: ExitStack) -> Catalog:
    """The index' catalog or, where there is none, an empty one that goes with the stack."""
    elsewhere = Path(stack.enter_context(TemporaryDirectory()))
    try:
        return open_catalog(folder, readonly=True, aside=elsewhere)
    except IndexMissing:
        return create_catalog(elsewhere, _manifest(preset))


def _manifest(preset: Preset) -> Manifest:
    source = preset.reference
    return Manifest(
        preset=preset.name,
        space=preset.space,
        settings={
            "fingerprint": preset.fingerprint,
            "source": "" if source == preset.name else source,
        },
        created_by=f"segsearch {version('segsearch')}",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _carry_out(
    index: Index,
    plan: Plan,
    report: Report,
    pool: Pool[str, Outcome],
    work: Work,
    progress: Progress,
    *,
    prune: bool,
) -> None:
    catalog = index.catalog
    catalog.move_files(plan.known, plan.moved)
    report.recognised = len(plan.known)
    patience = StorePatience()
    thumbnails = ThumbnailWriter(index.folder)
    recorder = Recorder(catalog, plan, report, thumbnails)
    with thumbnails, work:
        for photos in work.rounds():
            in_hand: dict[str, FileStamp] = {}
            for outcome in pool.do(_paths(photos, in_hand), ahead=work.ahead):
                stamp = in_hand.pop(outcome.path)
                patience.heed(outcome)
                work.finish(stamp, recorder.record(stamp, outcome))
                progress.advanced(outcome)
            for stamp, outcome in work.given_up():
                work.finish(stamp, recorder.record(stamp, outcome))
                progress.advanced(outcome)
    if pool.given_up:
        report.notes.append(
            f"{pool.given_up} of {pool.jobs} worker processes given up, as memory was short or they"
            " could not be started: fewer from the start (`jobs`) take no longer"
        )
    if work.others:
        report.notes.append(f"{work.others:,} photos looked at by other processes")
    recorder.let_go_of_old_names()
    report.missing = len(plan.gone)
    if prune:
        catalog.forget_files(plan.gone)
        report.removed, report.missing = len(plan.gone), 0
    if thumbnails.count() > catalog.counts().photos:
        thumbnails.drop_orphans(catalog.content_hashes())
    notes = [thumbnails.note, index.keeper.sync_if_behind()]
    report.notes += [note for note in notes if note]


def _paths(photos: Iterator[FileStamp], in_hand: dict[str, FileStamp]) -> Iterator[str]:
    """The photos' paths, each noted as in hand."""
    for stamp in photos:
        in_hand[stamp.path] = stamp
        yield stamp.path


def _with_twins(plan: Plan) -> list[FileStamp]:
    """All files that are new, each by itself: who shares the work may look at any of them."""
    twins = [twin for twins in plan.twins.values() for twin in twins]
    plan.twins.clear()
    plan.digests.clear()
    return plan.look + twins


def _estimate(catalog: Catalog, plan: Plan, preset: Preset, jobs: int) -> float:
    """Seconds, from this index' own photos where it has some, else from the preset's figure."""
    return len(plan.look) * (catalog.seconds_per_photo() or preset.seconds_per_photo) / jobs
