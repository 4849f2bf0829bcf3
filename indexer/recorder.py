"""Recorder: what looking at a photo came to, stored in the index and told in the report."""

from __future__ import annotations

from indexer.catalog.catalog import Catalog
from indexer.catalog.records import FileStamp
from indexer.report import Report
from indexer.scan.plan import Plan
from indexer.thumbnails.writer import ThumbnailWriter
from indexer.workers.pipeline import Outcome
from model.errors import (
    PhotoChanged,
    PhotoUnreachable,
    PhotoUnreadable,
    StoreAway,
    StoreRefuses,
    WorkerKilled,
    shown,
)

_PASSING = (PhotoChanged.__name__, WorkerKilled.__name__, StoreAway.__name__)
_UNREACHABLE = (PhotoUnreachable.__name__, StoreRefuses.__name__)


class Recorder:
    """Storing of outcomes, a transaction each.

    Args:
        catalog: catalog, open for writing.
        plan: plan of the run.
        report: report that counts what becomes of it.
        thumbnails: writer of small pictures.

    Attributes:
        recognised: ids of photos that were met by their pixels.
    """

    def __init__(
        self, catalog: Catalog, plan: Plan, report: Report, thumbnails: ThumbnailWriter
    ) -> None:
        self._catalog, self._plan, self._report = catalog, plan, report
        self._thumbnails = thumbnails
        self.recognised: set[int] = set()

    def record(self, stamp: FileStamp, outcome: Outcome) -> list[FileStamp]:
        """Store what became of a file; returns files that are to be looked at because of it."""
        twins = self._plan.twins.get(stamp.path, [])
        try:
            photo_id = self._remember(outcome)
        except (OverflowError, UnicodeError) as error:  # one odd file ends no run
            reason = f"{shown(stamp.path)} says what no index can hold ({shown(error)})"
            outcome = Outcome(stamp.path, kind=PhotoUnreadable.__name__, reason=reason)
            photo_id = None
        read = outcome.photo or outcome.known
        left: list[FileStamp] = []
        if photo_id is not None and read is not None:
            if outcome.thumbnail:
                self._thumbnails.add(read.content_hash, outcome.thumbnail)
            self.recognised |= {photo_id} if outcome.known is not None else set()
            if self._plan.digests.get(stamp.path) == read.content_hash:
                self._catalog.move_files([(twin, photo_id) for twin in twins], ())
                self._report.recognised += len(twins)
                twins = []
        elif read is not None:
            left.append(stamp)  # the photo that it showed has gone meanwhile
        else:
            self._skip(stamp, outcome)
            self._report.skipped.append((stamp.path, outcome.kind, outcome.reason))
        return left + twins  # what one file came to says nothing about another, after all

    def let_go_of_old_names(self) -> None:
        """Forget names of photos that were met by their pixels under another one: they moved."""
        if not self.recognised:
            return
        moved = [
            path
            for path in self._plan.gone
            if any(known.photo_id in self.recognised for known in self._catalog.files(path))
        ]
        self._catalog.move_files([], moved)
        self._plan.gone = sorted(set(self._plan.gone) - set(moved))

    def _remember(self, outcome: Outcome) -> int | None:
        """Store what became of a photo; its id, or None where there is nothing to be stored."""
        if outcome.stamp is None:
            return None
        if outcome.known is not None:
            photo_id = self._catalog.add_file(outcome.known, outcome.stamp)
            self._report.recognised += photo_id is not None
            return photo_id
        if outcome.photo is None:
            return None
        photo = outcome.photo
        photo_id, is_new = self._catalog.remember_photo(photo, outcome.stamp)
        if is_new:
            self._report.added += 1
            self._report.segments += len(photo.segments)
        else:
            self._report.recognised += 1
        return photo_id

    def _skip(self, stamp: FileStamp, outcome: Outcome) -> None:
        """Remember that a file was skipped, and why, where that tells something about its bytes.

        A file that just changes or vanishes is found again, or not, by the next run; one for which
        memory was short, or whose store did not answer, is tried again then. A photo is not
        forgotten because its file cannot be reached at the moment.
        """
        if outcome.kind in _PASSING:
            return
        known = any(file.photo_id is not None for file in self._catalog.files(stamp.path))
        if not (known and outcome.kind in _UNREACHABLE):
            self._catalog.skip_file(stamp, outcome.reason, outcome.kind)
