"""Plan: what an indexing run has to do, found by comparing folders with the catalog."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexer.catalog import Catalog
from indexer.walk import FileStamp, FoundPhoto, FoundUnreadable, FoundUnsupported, walk
from model.errors import PhotoError
from model.images import content_hash

FINAL = frozenset({"PhotoUnreadable"})  # the same bytes would fail again; all else is tried again


@dataclass
class Plan:
    """What is to be done.

    Attributes:
        look: files whose content is new: they are read, segmented and embedded.
        known: files whose content some photo has already (moved, copied or touched), its id.
        twins: further new files with the content of one in `look`, by that one's path.
        digests: the content hash of those in `look` that have twins.
        unchanged: files that are as the catalog knows them.
        gone: files of the catalog that are no longer in their folder.
        skipped: files that were skipped before and are unchanged: path, kind, reason.
        unreadable: files and folders that could not even be looked at.
        unsupported: files by suffix, images of a kind that is not read here.
        seen: files of the catalog under the folders.
    """

    look: list[FileStamp] = field(default_factory=list)
    known: list[tuple[FileStamp, int]] = field(default_factory=list)
    twins: dict[str, list[FileStamp]] = field(default_factory=lambda: defaultdict(list))
    digests: dict[str, bytes] = field(default_factory=dict)
    unchanged: int = 0
    gone: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    unreadable: list[FoundUnreadable] = field(default_factory=list)
    unsupported: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    seen: int = 0

    @property
    def unsupported_counts(self) -> Counter[str]:
        """Files of each suffix that is not read here."""
        return Counter({suffix: len(paths) for suffix, paths in self.unsupported.items()})


def make_plan(
    catalog: Catalog, roots: Sequence[Path], *, retry: bool = False, absent: Sequence[Path] = ()
) -> Plan:
    """Compare folders with the catalog, by size and time first, by content where those differ.

    Content is hashed only where it may be known: where another file of that size is in the
    catalog or among the new ones.

    Args:
        catalog: what is remembered.
        roots: folders and files to be walked.
        retry: whether files that could not be read are tried again though unchanged.
        absent: folders that are known to be gone: all that is remembered under them is `gone`.

    Raises:
        RootMissing: one of `roots` is not there.
    """
    plan = Plan()
    remembered = {
        known.stamp.path: known
        for root in (*roots, *absent)
        for known in catalog.files(under=str(root))
    }
    plan.seen = len(remembered)
    fresh: list[FileStamp] = []
    for found in walk(roots):
        if isinstance(found, FoundUnsupported):
            plan.unsupported[found.suffix].append(found.path)
        elif isinstance(found, FoundUnreadable):
            plan.unreadable.append(found)
        else:
            old = remembered.pop(found.path, None)
            stamp = _stamp(found)
            if old is None or old.stamp != stamp:
                fresh.append(stamp)
            elif old.photo_id is not None:
                plan.unchanged += 1
            elif old.kind in FINAL and not retry:
                plan.skipped.append((found.path, old.kind or "", old.reason or ""))
            else:
                fresh.append(stamp)
    hidden = tuple(found.path for found in plan.unreadable)
    plan.gone = sorted(path for path in remembered if not _under(path, hidden))
    _recognise(plan, fresh, catalog)
    return plan


def _recognise(plan: Plan, fresh: list[FileStamp], catalog: Catalog) -> None:
    """Sort new files into known content, twins of each other, and content to be looked at."""
    sizes = Counter(stamp.size for stamp in fresh)
    known_sizes = catalog.known_sizes(sizes)
    first: dict[bytes, str] = {}
    for stamp in fresh:
        if stamp.size not in known_sizes and sizes[stamp.size] == 1:
            plan.look.append(stamp)
            continue
        try:
            digest = content_hash(stamp.path)
        except PhotoError:
            plan.look.append(stamp)  # the worker will say what is wrong with it
            continue
        photo_id = catalog.photo_by_hash(digest)
        if photo_id is not None:
            plan.known.append((stamp, photo_id))
        elif digest in first:
            plan.twins[first[digest]].append(stamp)
            plan.digests[first[digest]] = digest
        else:
            first[digest] = stamp.path
            plan.look.append(stamp)


def _stamp(found: FoundPhoto) -> FileStamp:
    return FileStamp(found.path, found.size, found.mtime_ns)


def _under(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
