"""Watching: an index is kept up to date with folders while they change.

Hints tell where to look, never what to believe: what is marked is brought up to date as ever, once
it stands still, and from time to time all is.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from indexer.report import Report
from indexer.scan.passed_over import Selection
from indexer.update import Options
from indexer.watch.events import EventsUnavailable, FolderEvents
from indexer.watch.mounts import network_places
from indexer.watch.polling import PolledFolder
from indexer.watch.settling import SettlingPaths
from model.errors import IndexLocked, RootMissing, SegsearchError, shown

Update = Callable[[Sequence[str], Options], Report]
"""Brings an index up to date with folders."""


@dataclass(frozen=True, kw_only=True)
class WatchSettings:
    """Seconds that watching waits for this and that.

    Attributes:
        settle: time that size and time of files stand still before they are looked at.
        rescan: time between looks at everything.
        poll: time between looks at folders whose changes nobody tells.
        retry: time between attempts while another process writes to the index.
        tick: time between looks whether folders are there.
    """

    settle: float = 2.0
    rescan: float = 900.0
    poll: float = 60.0
    retry: float = 5.0
    tick: float = 0.5


@dataclass(frozen=True)
class WatchEvent:
    """Event of a watch, for whoever follows it.

    Attributes:
        event: kind: "watching", "polling", "updated", "waiting", "gone", "back", "failed".
        line: sentence for people.
        details: further fields, as JSON has them.
        report: report of an update; None of other events.
    """

    event: str
    line: str
    details: dict[str, Any] = field(default_factory=dict)
    report: Report | None = None

    def to_dict(self) -> dict[str, Any]:
        """The event as JSON has it."""
        report = {} if self.report is None else self.report.to_dict()
        return {"event": self.event, "line": self.line, **self.details, **report}


class Watching:
    """Watch over some folders, until it is told to stop.

    Args:
        roots: folders.
        update: brings the index up to date with folders; `indexer.update.update` for one index.
        told: takes each event, from the thread that runs.
        options: options of updates.
        settings: intervals.
        index: index folder, whose own changes are no hints.

    Raises:
        RootMissing: none of the folders is there.
    """

    def __init__(
        self,
        roots: Sequence[Path | str],
        update: Update,
        told: Callable[[WatchEvent], object],
        options: Options | None = None,
        settings: WatchSettings | None = None,
        *,
        index: Path | None = None,
    ) -> None:
        self._options, self._settings = options or Options(), settings or WatchSettings()
        self._update, self._told = update, told
        self._locked = False
        self._all_due = 0.0
        self._polls_due = 0.0
        selection = Selection(self._options.exclude, self._options.include)
        # not Path.resolve: a photo keeps the name by which its owner reaches it
        places = list(dict.fromkeys(os.path.abspath(root) for root in roots))  # noqa: PTH100
        own = () if index is None else (str(index),)
        self._roots = [
            _WatchedRoot(place, selection, self._settings.settle, told, own) for place in places
        ]
        if not any(_identity(root.path) for root in self._roots):
            raise RootMissing(
                f"{shown(places[0])} is not there" if places else "no folder is named",
                "mount or restore it, or name another",
            )

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; an update in progress is not interrupted by it.

        Raises:
            SegsearchError: the first look at everything failed; later failures are told.
        """
        try:
            first = True
            while not stop.is_set():
                for root in self._roots:
                    if root.attend():
                        self._all_due = 0.0
                if time.monotonic() >= self._all_due:
                    self._look_at_all(first)
                    first = first and self._locked
                elif not self._locked:
                    self._look_at_hints()
                stop.wait(self._settings.tick)
        finally:
            for root in self._roots:
                root.close()

    def _look_at_all(self, first: bool) -> None:
        present = [root for root in self._roots if root.is_there]
        for root in present:
            root.settling.clear()  # what changes from here on is hinted at again
        try:
            done = not present or self._brought_up([root.path for root in present], self._options)
        except SegsearchError:
            if first:
                raise
            done = True  # it was told
        wait = self._settings.rescan if done else self._settings.retry
        self._all_due = time.monotonic() + wait

    def _look_at_hints(self) -> None:
        polls = time.monotonic() >= self._polls_due
        for root in self._roots:
            root.take_hints(polls=polls)
            folders = root.settling.settled()
            if not folders or not root.is_there:
                continue
            # whether few photos are gone or all of a folder, is judged by the whole
            places = [root.path] if self._options.prune else folders
            with suppress(SegsearchError):  # it was told
                if not self._brought_up(places, replace(self._options, parts=True)):
                    self._all_due = 0.0
        if polls:
            self._polls_due = time.monotonic() + self._settings.poll

    def _brought_up(self, folders: list[str], options: Options) -> bool:
        """Bring the index up to date with folders; whether no other process was writing to it.

        Raises:
            SegsearchError: the update failed, which was told.
        """
        try:
            report = self._update(folders, options)
        except IndexLocked as error:
            if not self._locked:
                self._tell("waiting", f"waiting: {error.what}", folders)
            self._locked = True
            return False
        except SegsearchError as error:
            self._tell("failed", str(error), folders)
            raise
        self._locked = False
        if report.added or report.recognised or report.removed or not options.parts:
            names = ", ".join(shown(folder) for folder in folders)
            details = {"folders": folders}
            self._told(WatchEvent("updated", f"{names}: {report}", details, report))
        return True

    def _tell(self, event: str, line: str, folders: list[str]) -> None:
        self._told(WatchEvent(event, line, {"folders": folders}))


class _WatchedRoot:
    """One folder, and whoever tells of it."""

    def __init__(
        self,
        path: str,
        selection: Selection,
        settle: float,
        told: Callable[[WatchEvent], object],
        passed_over: tuple[str, ...],
    ) -> None:
        self.path = path
        self.settling = SettlingPaths(path, settle, selection, passed_over)
        self._selection, self._told = selection, told
        self._hints: SimpleQueue[str] = SimpleQueue()
        self._failures: SimpleQueue[str] = SimpleQueue()
        self._events: FolderEvents | None = None
        self._polled: list[PolledFolder] = []
        self._identity: tuple[int, int] | None = None
        self._told_gone = False

    @property
    def is_there(self) -> bool:
        """Whether the folder was there when it was last attended to."""
        return self._identity is not None

    def attend(self) -> bool:
        """See whether the folder is there, and have it watched; whether it is there anew."""
        identity = _identity(self.path)
        with suppress(Empty):
            while True:
                self._poll(self.path, self._failures.get_nowait())
        if identity == self._identity:
            if identity is None and not self._told_gone:
                self._tell("gone", f"{shown(self.path)} is not there; its photos stay indexed")
                self._told_gone = True
            return False
        self.close()
        self._identity = identity
        self.settling.clear()
        if identity is None:
            self._tell("gone", f"{shown(self.path)} has gone; its photos stay indexed")
            self._told_gone = True
            return False
        if self._told_gone:
            self._tell("back", f"{shown(self.path)} is there again")
            self._told_gone = False
        self._watch()
        return True

    def take_hints(self, *, polls: bool) -> None:
        """Take what was hinted at since; look at polled folders if `polls`."""
        with suppress(Empty):
            while True:
                self.settling.hint(self._hints.get_nowait())
        if polls:
            for folder in self._polled:
                for place in folder.changed():
                    self.settling.hint(place)

    def close(self) -> None:
        """Let nobody tell any more."""
        if self._events is not None:
            self._events.close()
            self._events = None
        self._polled = []

    def _watch(self) -> None:
        places = network_places(self.path)
        if [place.path for place in places] != [self.path]:
            try:
                self._events = FolderEvents(self.path, self._hints.put, self._failures.put)
                self._tell("watching", f"watching {shown(self.path)}", how="events")
            except EventsUnavailable as error:
                self._poll(self.path, str(error))
                return
        for place in places:
            reason = f"{place.kind}: what others change there nobody tells"
            self._poll(place.path, reason)

    def _poll(self, place: str, reason: str) -> None:
        if any(folder.folder == place for folder in self._polled):
            return
        self._polled.append(PolledFolder(place, self._selection))
        self._tell("polling", f"polling {shown(place)} ({reason})", how="polling", reason=reason)

    def _tell(self, event: str, line: str, **details: str) -> None:
        self._told(WatchEvent(event, line, {"folder": self.path, **details}))


def _identity(path: str) -> tuple[int, int] | None:
    """Device and inode of a folder, which another disk at its place has not; None: not there."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
