"""Plan: what an indexing run has to do, found by comparing folders with the catalog."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import FileStamp, KnownFile
from indexer.scan.found import (
    Found,
    FoundPassedOver,
    FoundUnreadable,
    FoundUnsupported,
    suffix_of,
)
from indexer.scan.own_output import is_own_picture
from indexer.scan.passed_over import OWN, Selection
from model.errors import PhotoError
from model.photos.files import state_of
from model.photos.formats import SUFFIXES
from model.photos.images import DEFAULT_MAX_MEGAPIXELS, content_hash, read_header
from model.photos.least_size import require_sights
from model.stores.urls import is_url, name_of

Told = Callable[[int, int, int], None]
"""Takes how many files were found so far, were read to know their content, and will be in all."""


@dataclass
class Plan:
    """Plan of an indexing run.

    Attributes:
        look: files whose content is new: they are read, segmented and embedded.
        known: files whose content some photo has already (moved, copied or touched), its id.
        twins: further new files with the content of one in `look`, by that one's path.
        digests: the content hash of those in `look` that have twins.
        unchanged: files that are as the catalog knows them.
        moved: files of the catalog that are no longer there, their photos being in `known`.
        gone: the other files of the catalog that are no longer in their folder.
        skipped: files that were skipped before and would be again: path, kind, reason.
        unreadable: files and folders that could not even be looked at.
        unsupported: files by suffix, images of a kind that is not read here.
        passed_over: folders and pictures that are no part of the collection.
        kept: files of the catalog that are passed over now, but still there.
        seen: files of the catalog under the folders.
    """

    look: list[FileStamp] = field(default_factory=list)
    known: list[tuple[FileStamp, int]] = field(default_factory=list)
    twins: dict[str, list[FileStamp]] = field(default_factory=lambda: defaultdict(list))
    digests: dict[str, bytes] = field(default_factory=dict)
    unchanged: int = 0
    moved: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    unreadable: list[FoundUnreadable] = field(default_factory=list)
    unsupported: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    passed_over: list[FoundPassedOver] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    seen: int = 0

    @property
    def unsupported_counts(self) -> Counter[str]:
        """Files of each suffix that is not read here."""
        return Counter({suffix: len(paths) for suffix, paths in self.unsupported.items()})


def make_plan(
    catalog: CatalogReader,
    roots: Sequence[str | Path],
    found: Iterable[Found],
    selection: Selection | None = None,
    *,
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
    retry: bool = False,
    told: Told = lambda found, read, to_read: None,
) -> Plan:
    """Compare what was found with the catalog, by size and time first, by content where needed.

    Content is hashed only where it may be known: where another file of that size is in the
    catalog or among the new ones. What lies in a store is not: it would be fetched twice, while
    whoever looks at it sees by its pixels, too, that it is known.

    Args:
        catalog: catalog with the photos that are remembered.
        roots: the folders and files that this is about, absolute, or URLs.
        found: files of a walk through `roots`, as they are now.
        selection: rules by which that walk took files.
        max_megapixels: photos with more are skipped.
        retry: whether files that could not be read are tried again though unchanged.
        told: function called again and again, as a large collection takes a while.
    """
    plan = Plan()
    remembered = {known.stamp.path: known for root in roots for known in catalog.files(str(root))}
    plan.seen = len(remembered)
    named = {str(root) for root in roots}
    selection = selection or Selection()
    fresh: list[FileStamp] = []

    def compare(stamp: FileStamp, old: KnownFile | None) -> None:
        if old is None or old.stamp != stamp or (retry and old.photo_id is None):
            asked = stamp.path in named or selection.includes(stamp.path, stamp.path)
            if asked or is_url(stamp.path) or not is_own_picture(stamp.path):
                fresh.append(stamp)
            else:
                plan.passed_over.append(FoundPassedOver(stamp.path, OWN))
        elif old.photo_id is not None:
            plan.unchanged += 1
        elif (trouble := _trouble(old, max_megapixels)) is not None:
            plan.skipped.append((stamp.path, *trouble))
        else:
            fresh.append(stamp)

    count = 0
    for count, item in enumerate(found, 1):
        told(count, 0, 0)
        if isinstance(item, FoundUnsupported):
            plan.unsupported[item.suffix].append(item.path)
        elif isinstance(item, FoundUnreadable):
            plan.unreadable.append(item)
        elif isinstance(item, FoundPassedOver):
            plan.passed_over.append(item)
        else:
            compare(item, remembered.pop(item.path, None))
    _find_all_the_same(plan, remembered, fresh, compare)
    _recognise(plan, fresh, catalog, lambda read, to_read: told(count, read, to_read))
    elsewhere = {photo_id for _, photo_id in plan.known}
    for path, known in sorted(remembered.items()):
        (plan.moved if known.photo_id in elsewhere else plan.gone).append(path)
    return plan


def _trouble(old: KnownFile, max_megapixels: float) -> tuple[str, str] | None:
    """Kind and reason why an unchanged file that was skipped would be again, or None."""
    if old.kind == "PhotoUnreadable":
        return old.kind, old.reason or ""  # the same bytes would fail again
    # All else depends on more than the bytes: permissions, a limit, a format's extra.
    try:
        header = read_header(old.stamp.path, max_megapixels)
        require_sights(header.size, old.stamp.path)
    except PhotoError as error:
        return type(error).__name__, str(error)
    return None


def _recognise(
    plan: Plan, fresh: list[FileStamp], catalog: CatalogReader, told: Callable[[int, int], None]
) -> None:
    """Sort new files into known content, twins of each other, and content to be looked at."""
    sizes = Counter(stamp.size for stamp in fresh)
    shared = catalog.known_sizes(sizes) | {size for size, count in sizes.items() if count > 1}
    to_read = sum(stamp.size in shared and not is_url(stamp.path) for stamp in fresh)
    read = 0
    first: dict[bytes, str] = {}
    for stamp in fresh:
        if stamp.size not in shared or is_url(stamp.path):
            plan.look.append(stamp)
            continue
        told(read, to_read)
        read += 1
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


def _find_all_the_same(
    plan: Plan,
    remembered: dict[str, KnownFile],
    fresh: list[FileStamp],
    compare: Callable[[FileStamp, KnownFile], None],
) -> None:
    """Take out of the files that no walk found those that are there, or may be.

    They are where nobody can look just now, are passed over now and were not before, or have a
    name that only who asks for it by name gets looked at.
    """
    unseen = {item.path for item in plan.unreadable}
    passed = {item.path for item in plan.passed_over}
    called = {_folded(stamp.path): stamp.path for stamp in fresh}
    for path, old in list(remembered.items()):
        in_store = is_url(path)
        if in_store and suffix_of(name_of(path)) in SUFFIXES and not _within(path, passed):
            continue  # the list of a store names all of these
        try:
            unknown = _within(path, unseen)
            state = None if unknown else state_of(path)
        except PhotoError:  # whatever else is wrong with it, it is not gone
            unknown, state = True, None
        if state is None:
            if unknown:
                del remembered[path]
            continue
        new_name = None if in_store else called.get(_folded(path))
        if new_name is not None and Path(new_name).samefile(path):
            continue  # this disk takes both for one name, and the file has the other one now
        del remembered[path]
        if _within(path, passed):
            plan.kept.append(path)
        else:
            compare(FileStamp(path, *state), old)


def _within(path: str, places: set[str]) -> bool:
    """Whether a path is one of the places, or lies in one."""
    while path not in places:
        above = path.rpartition("/")[0]
        if not above:
            return "/" in places
        path = above
    return True


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
