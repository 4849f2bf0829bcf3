"""Update: bring an index up to date with folders of photographs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from indexer.backends import create_catalog, open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.records import FileStamp, Manifest
from indexer.index import Index
from indexer.lock import WriterLock
from indexer.report import Report
from indexer.scan.passed_over import Selection
from indexer.scan.plan import Plan, make_plan
from indexer.scan.pruning import refuse_accidental_pruning
from indexer.scan.roots import is_absent, known_root
from indexer.scan.walk import walk
from indexer.thumbnails.writer import ThumbnailWriter
from indexer.vectors import cache as vector_cache
from indexer.workers.pipeline import Outcome
from indexer.workers.pool import Pool, worker_pool
from indexer.workers.store_patience import StorePatience
from indexer.workers.worker import WorkerConfig
from model.errors import (
    IndexMissing,
    PhotoChanged,
    PhotoUnreachable,
    PhotoUnreadable,
    StorageError,
    StoreAway,
    StoreRefuses,
    WorkerKilled,
    shown,
)
from model.photos.images import DEFAULT_MAX_MEGAPIXELS
from model.presets.preset import Preset

_UNREACHABLE = (PhotoUnreachable.__name__, StoreRefuses.__name__)


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
    next run goes on from there.

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
        most = options.max_megapixels
        pool = stack.enter_context(
            worker_pool(
                WorkerConfig(preset.reference, most, thumbnails=options.thumbnails),
                preset,
                len(plan.look),
                asked=options.jobs,
                ray="" if options.dry_run or not plan.look else options.ray,
                known=lambda digests: [catalog.photo_by_pixels(d) is not None for d in digests],
            )
        )
        progress.planned(plan, _estimate(catalog, plan, preset, pool.jobs), pool.jobs)
        report = Report.of(plan)
        if options.dry_run:
            report.expect(plan, prune=prune)
        else:
            for path in [] if options.parts else here:
                catalog.remember_root(path)
            _carry_out(index, plan, report, pool, progress, prune=prune)
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
        return create_catalog(folder, _manifest(preset))


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
    pool: Pool,
    progress: Progress,
    *,
    prune: bool,
) -> None:
    catalog = index.catalog
    catalog.move_files(plan.known, plan.moved)
    report.recognised = len(plan.known)
    stamps = {stamp.path: stamp for stamp in plan.look}
    recognised: set[int] = set()
    patience = StorePatience()
    thumbnails = ThumbnailWriter(index.folder)
    with thumbnails:
        while stamps:
            left: list[FileStamp] = []
            for outcome in pool.look_at(stamps):
                stamp = stamps[outcome.path]
                patience.heed(outcome)
                twins = plan.twins.get(stamp.path, [])
                try:
                    photo_id = _remember(catalog, outcome, report)
                except (OverflowError, UnicodeError) as error:  # one odd file ends no run
                    reason = f"{shown(stamp.path)} says what no index can hold ({shown(error)})"
                    outcome = Outcome(stamp.path, kind=PhotoUnreadable.__name__, reason=reason)
                    photo_id = None
                read = outcome.photo or outcome.known
                if photo_id is not None and read is not None:
                    if outcome.thumbnail:
                        thumbnails.add(read.content_hash, outcome.thumbnail)
                    recognised |= {photo_id} if outcome.known is not None else set()
                    if plan.digests.get(stamp.path) == read.content_hash:
                        catalog.move_files([(twin, photo_id) for twin in twins], ())
                        report.recognised += len(twins)
                        twins = []
                elif read is not None:
                    left.append(stamp)  # the photo that it showed has gone meanwhile
                else:
                    _skip(catalog, stamp, outcome)
                    report.skipped.append((stamp.path, outcome.kind, outcome.reason))
                left += twins  # what one file came to says nothing about another, after all
                progress.advanced(outcome)
            stamps = {stamp.path: stamp for stamp in left}
    if pool.given_up:
        report.notes.append(
            f"{pool.given_up} of {pool.jobs} worker processes given up, as memory was short or they"
            " could not be started: fewer from the start (`jobs`) take no longer"
        )
    _let_go_of_old_names(catalog, plan, recognised)
    report.missing = len(plan.gone)
    if prune:
        catalog.forget_files(plan.gone)
        report.removed, report.missing = len(plan.gone), 0
    if thumbnails.count() > catalog.counts().photos:
        thumbnails.drop_orphans(catalog.content_hashes())
    notes = [thumbnails.note, index.keeper.sync_if_behind()]
    report.notes += [note for note in notes if note]


def _remember(catalog: Catalog, outcome: Outcome, report: Report) -> int | None:
    """Store what became of a photo; its id, or None where there is nothing to be stored."""
    if outcome.stamp is None:
        return None
    if outcome.known is not None:
        photo_id = catalog.add_file(outcome.known, outcome.stamp)
        report.recognised += photo_id is not None
        return photo_id
    if outcome.photo is None:
        return None
    photo = outcome.photo
    is_known = catalog.photo_by_hash(photo.content_hash) is not None or (
        photo.pixel_digest is not None and catalog.photo_by_pixels(photo.pixel_digest) is not None
    )
    photo_id = catalog.add_photo(photo, outcome.stamp)
    if is_known:
        report.recognised += 1
    else:
        report.added += 1
        report.segments += len(photo.segments)
    return photo_id


def _let_go_of_old_names(catalog: Catalog, plan: Plan, recognised: set[int]) -> None:
    """Forget names of photos that were met by their pixels under another one: they moved."""
    if not recognised:
        return
    moved = [
        path
        for path in plan.gone
        if any(known.photo_id in recognised for known in catalog.files(path))
    ]
    catalog.move_files([], moved)
    plan.gone = sorted(set(plan.gone) - set(moved))


def _skip(catalog: Catalog, stamp: FileStamp, outcome: Outcome) -> None:
    """Remember that a file was skipped, and why, where that tells something about its bytes.

    A file that just changes or vanishes is found again, or not, by the next run; one for which
    memory was short, or whose store did not answer, is tried again then. A photo is not
    forgotten because its file cannot be reached at the moment.
    """
    if outcome.kind in (PhotoChanged.__name__, WorkerKilled.__name__, StoreAway.__name__):
        return
    known = any(file.photo_id is not None for file in catalog.files(stamp.path))
    if not (known and outcome.kind in _UNREACHABLE):
        catalog.skip_file(stamp, outcome.reason, outcome.kind)


def _estimate(catalog: Catalog, plan: Plan, preset: Preset, jobs: int) -> float:
    """Seconds, from this index' own photos where it has some, else from the preset's figure."""
    return len(plan.look) * (catalog.seconds_per_photo() or preset.seconds_per_photo) / jobs
