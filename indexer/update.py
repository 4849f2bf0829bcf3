"""Update: bring an index up to date with folders of photographs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from indexer.catalog import Catalog
from indexer.crew import Crew
from indexer.index import Index
from indexer.lock import WriterLock
from indexer.plan import Plan, make_plan
from indexer.records import Manifest
from indexer.report import Report
from indexer.walk import FileStamp
from indexer.worker import Order, Outcome
from model.errors import IndexMissing, PruneRefused, shown
from model.images import DEFAULT_MAX_MEGAPIXELS
from model.preset import Preset

SMALL = 20  # files; a pruning that forgets no more than these is no accident


@dataclass(frozen=True)
class Options:
    """How an index is brought up to date.

    Attributes:
        jobs: worker processes, one thread each; 0 for one a CPU core.
        max_megapixels: photos with more are skipped.
        prune: whether files that are gone from their folders are forgotten.
        force: prune even if a folder is missing, or more than half would go.
        dry_run: find out what would be done, and write nothing.
        retry: try files again that could not be read before, though they are unchanged.
    """

    jobs: int = 0
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS
    prune: bool = False
    force: bool = False
    dry_run: bool = False
    retry: bool = False


class Progress(Protocol):
    """Whoever wants to know how it goes."""

    def planned(self, plan: Plan, seconds: float, jobs: int) -> None:
        """Before the first photo: what will be done, and about how long it takes."""

    def advanced(self, outcome: Outcome) -> None:
        """After each photo."""


class Silence:
    """Nobody wants to know."""

    def planned(self, plan: Plan, seconds: float, jobs: int) -> None:
        """Say nothing."""

    def advanced(self, outcome: Outcome) -> None:
        """Say nothing."""


def update(
    folder: Path,
    roots: Sequence[Path | str],
    preset: Preset,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Report:
    """Look at what is new or changed under `roots`, and remember it in the index at `folder`.

    One transaction a photo: whatever ends this early, all photos up to then are kept, and the
    next run goes on from there.

    Raises:
        IndexLocked: another process is writing to the index.
        PresetMismatch: the index was made with another preset.
        RootMissing: one of `roots` is not there.
        PruneRefused: more would be forgotten than looks intended.
        StorageError: the index cannot be written.
    """
    options, progress = options or Options(), progress or Silence()
    began = time.monotonic()
    paths = [Path(os.path.abspath(root)) for root in roots]  # noqa: PTH100, keeps symlinks
    absent = [p for p in paths if not p.exists()] if options.prune and options.force else []
    present = [p for p in paths if p not in absent]
    if options.dry_run:
        report = _rehearse(folder, present, absent, preset, options, progress)
    else:
        with ExitStack() as stack:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(WriterLock(folder))
            catalog = stack.enter_context(_writable_catalog(folder, preset))
            Index(folder, catalog).require_preset(preset)
            plan = make_plan(catalog, present, retry=options.retry, absent=absent)
            _refuse_large_pruning(plan, options)
            report = _report_of(plan)
            jobs = _jobs(options, plan)
            progress.planned(plan, _estimate(catalog, plan, preset, jobs), jobs)
            for root in present:
                catalog.remember_root(str(root))
            _carry_out(catalog, plan, report, preset, options, progress, jobs)
            if options.prune:
                catalog.forget_files(plan.gone)
                report.removed, report.missing = len(plan.gone), 0
            note = Index(folder, catalog).sync(writable=True).note
            report.notes += [note] if note else []
    report.seconds = time.monotonic() - began
    return report


def _writable_catalog(folder: Path, preset: Preset) -> Catalog:
    try:
        return Catalog.open(folder)
    except IndexMissing:
        manifest = Manifest(
            preset=preset.name,
            space=preset.space,
            settings={
                "fingerprint": preset.fingerprint,
                "source": str(preset.source) if preset.source.parent.name != "presets" else "",
            },
            created_by=f"segsearch {version('segsearch')}",
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return Catalog.create(folder, manifest)


def _rehearse(
    folder: Path,
    present: list[Path],
    absent: list[Path],
    preset: Preset,
    options: Options,
    progress: Progress,
) -> Report:
    import tempfile

    with ExitStack() as stack:
        try:
            catalog = stack.enter_context(Catalog.open(folder, readonly=True))
            Index(folder, catalog).require_preset(preset)
        except IndexMissing:
            nowhere = stack.enter_context(tempfile.TemporaryDirectory())
            catalog = stack.enter_context(_writable_catalog(Path(nowhere), preset))
        plan = make_plan(catalog, present, retry=options.retry, absent=absent)
        _refuse_large_pruning(plan, options)
        jobs = _jobs(options, plan)
        progress.planned(plan, _estimate(catalog, plan, preset, jobs), jobs)
        report = _report_of(plan)
        report.dry_run = True
        report.added = len(plan.look)
        report.recognised = len(plan.known) + sum(len(twins) for twins in plan.twins.values())
        report.removed = len(plan.gone) if options.prune else 0
        return report


def _carry_out(
    catalog: Catalog,
    plan: Plan,
    report: Report,
    preset: Preset,
    options: Options,
    progress: Progress,
    jobs: int,
) -> None:
    for stamp, photo_id in plan.known:
        _attach(catalog, stamp, photo_id)
        report.recognised += 1
    if not plan.look:
        return
    stamps = {stamp.path: stamp for stamp in plan.look}
    source = preset.name if preset.source.parent.name == "presets" else str(preset.source)
    with Crew(Order(source, options.max_megapixels), jobs) as crew:
        for outcome in crew.look_at(list(stamps)):
            if outcome.photo is None or outcome.stamp is None:
                for stamp in (stamps[outcome.path], *plan.twins.get(outcome.path, ())):
                    catalog.skip_file(stamp, outcome.reason, outcome.kind)
                    report.skipped.append((stamp.path, outcome.kind, outcome.reason))
            else:
                known = catalog.photo_by_hash(outcome.photo.content_hash) is not None
                photo_id = catalog.add_photo(outcome.photo, outcome.stamp)
                report.recognised += known
                report.added += not known
                report.segments += 0 if known else len(outcome.photo.segments)
                # unless it changed since the plan was made
                same = plan.digests.get(outcome.path) == outcome.photo.content_hash
                for twin in plan.twins[outcome.path] if same else ():
                    _attach(catalog, twin, photo_id)
                    report.recognised += 1
            progress.advanced(outcome)


def _attach(catalog: Catalog, stamp: FileStamp, photo_id: int) -> None:
    """Let a photo have one more file, and forget those of its files that have moved away."""
    catalog.attach_file(stamp, photo_id)
    files = catalog.photos([photo_id])[photo_id].files
    catalog.forget_files([path for path in files if not os.path.lexists(path)])


def _refuse_large_pruning(plan: Plan, options: Options) -> None:
    many = len(plan.gone) > SMALL and 2 * len(plan.gone) > plan.seen
    if options.prune and many and not options.force:
        raise PruneRefused(
            f"{len(plan.gone)} of {plan.seen} files are gone, as if a drive were not mounted"
            f" (first: {shown(plan.gone[0])})",
            "mount it, or prune with --force if they are meant to be forgotten",
        )


def _report_of(plan: Plan) -> Report:
    unreadable = [(found.path, "PhotoUnreadable", found.reason) for found in plan.unreadable]
    return Report(
        unchanged=plan.unchanged,
        missing=len(plan.gone),
        skipped=unreadable + plan.skipped,
        unsupported=plan.unsupported_counts,
        unsupported_paths=sorted(path for paths in plan.unsupported.values() for path in paths),
    )


def _jobs(options: Options, plan: Plan) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(min(options.jobs or cores or 1, len(plan.look)), 1)


def _estimate(catalog: Catalog, plan: Plan, preset: Preset, jobs: int) -> float:
    """Seconds, from this index' own photos where it has some, else from the preset's figure."""
    return len(plan.look) * (catalog.seconds_per_photo() or preset.seconds_per_photo) / jobs
