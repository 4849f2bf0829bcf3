"""Download: one file over HTTP, resumed where it broke off, hashed while it arrives.

A connection that breaks is made again with a Range request for the rest, guarded by the entity tag
of what came before (RFC 9110 §13.1.5, §14). What has arrived is kept for the next run.
"""

from __future__ import annotations

import http.client
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

from model.atomic_files import DISK_FULL
from model.errors import DownloadFailed, ModelError, StorageFull, WeightsMismatch, shown
from model.weights.bounded_response import BoundedResponse, Dripped
from model.weights.http import Connections, Interrupted, astray, failure, refusal
from model.weights.partial_file import PartialFile
from model.weights.patience import Patience

BLOCK = 1 << 20
LARGEST_UNTOLD = 64 << 20  # bytes of a file whose size neither preset nor server tells
RESTARTS = 3  # times that what came may turn out to be worth nothing
NEVER_USE = "try again later or from another network; what came was thrown away"


class TransferProgress:
    """Told how a download goes; this one does nothing with it."""

    def started(self, name: str, kept: int, total: int) -> None:
        """A file is fetched, of which so many bytes are here; `total` is 0 if nobody knows it."""

    def advanced(self, kept: int) -> None:
        """Show how many of the file's bytes are here."""

    def told(self, line: str) -> None:
        """Something that a person should know."""

    def ended(self) -> None:
        """The file is here, or was given up."""


@dataclass(frozen=True)
class Wanted:
    """File to be fetched.

    Attributes:
        url: address of the file, http or https.
        target: path that the file will have.
        sha256: hex digest that it must have, or "".
        size: bytes that it must have, or 0.
        token: secret for the host of the URL and no other, or "".
        page: address of the page where a person may ask for access.
    """

    url: str
    target: Path
    sha256: str = ""
    size: int = 0
    token: str = ""
    page: str = ""


def download(
    wanted: Wanted, progress: TransferProgress | None = None, patience: Patience | None = None
) -> str:
    """Fetch a file; only one process at a time may fetch to one target.

    Returns:
        The hex SHA-256 of what came.

    Raises:
        DownloadFailed: the network or the server is no good; what has arrived is kept.
        LicenceNotAccepted: the server wants to know who asks.
        WeightsMismatch: the file that came is not the one wanted; it is thrown away.
        StorageFull: there is no room; what has arrived is kept.
        OSError: the folder cannot be written to.
    """
    progress = progress or TransferProgress()
    try:
        wanted.target.parent.mkdir(parents=True, exist_ok=True)
        with PartialFile(wanted.target) as part:
            return _Fetch(wanted, part, progress, patience or Patience()).run()
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise _no_room(wanted, "it is full") from error
    finally:
        progress.ended()


class _Fetch:
    """One file, over as many connections as it takes."""

    def __init__(
        self, wanted: Wanted, part: PartialFile, progress: TransferProgress, patience: Patience
    ) -> None:
        self.wanted, self.part, self.progress, self.patience = wanted, part, progress, patience
        self.connections = Connections(wanted.token, patience.timeout)
        self.total = wanted.size
        self.restarts = 0
        self._mark, self._marked = 0, 0.0  # bytes at the last progress, and when that was

    def run(self) -> str:
        name = self.wanted.target.name
        resumed = self.part.size > 0
        self.progress.started(name, self.part.size, self.total)
        self._arrive()
        if resumed and not self._right():
            # the beginning may be another version's, or have been lost by a power cut
            self.progress.told(f"{name} is not what it should be: fetching all of it again")
            self._restart()
            self._arrive()
        if not self._right():
            actual = self.part.sha256
            self._discard()
            raise WeightsMismatch(
                f"{shown(self.wanted.url)} came with SHA-256 {actual[:12]}…,"
                f" expected {self._expected[:12]}…",
                NEVER_USE,
            )
        self.part.finish()
        return self.part.sha256

    @property
    def _expected(self) -> str:
        return self.wanted.sha256 or self.connections.linked_sha256

    def _right(self) -> bool:
        return self._expected in ("", self.part.sha256)

    def _discard(self) -> None:
        self.part.restart()
        self._mark = 0
        self.progress.advanced(0)

    def _restart(self) -> None:
        self._discard()
        self.restarts += 1
        if self.restarts > RESTARTS:
            raise astray(self.wanted.url, "what it sends changes again and again")

    def _arrive(self) -> None:
        """Connect until all bytes are here."""
        failures = 0
        self._mark, self._marked = self.part.size, time.monotonic()
        while not (self.total and self.part.size == self.total):
            began = self._marked
            try:
                self._connect()
                return
            except Interrupted as broken:
                failures = 1 if self._marked > began else failures + 1
                left = self._marked + self.patience.standstill - time.monotonic()
                if failures >= self.patience.attempts or left <= 0:
                    raise self._given_up(str(broken)) from broken
                wait = min(broken.wait or self.patience.pause * 2 ** (failures - 1), left)
                self.progress.told(f"{broken}; trying again in {wait:.0f} s")
                time.sleep(wait)

    def _connect(self) -> None:
        """One connection; on return all bytes are here."""
        tag = self.part.tag(self.wanted.url)
        if self.part.size and not (tag or self._expected):
            self._restart()  # nothing would tell whether the two pieces belong together
        headers = {}
        if self.part.size:
            headers = {"Range": f"bytes={self.part.size}-"} | ({"If-Range": tag} if tag else {})
        answer = self._ask(headers)
        if answer is not None:
            with answer:
                self._begin(answer)
                self._receive(answer)

    def _ask(self, headers: dict[str, str]) -> BoundedResponse | None:
        """The answer; None if the server has just what was kept."""
        url = self.wanted.url
        try:
            return self.connections.get(url, headers)
        except HTTPError as error:
            error.close()
            if error.code != 416 or not self.part.size:
                raise refusal(error, url, self.wanted.page) from error
            if error.headers.get("Content-Range", "") == f"bytes */{self.part.size}":
                return None
            self._restart()
            raise Interrupted("the server has less than was kept") from error
        except (OSError, http.client.HTTPException) as error:
            raise failure(error, url) from error

    def _begin(self, answer: BoundedResponse) -> None:
        """See what the server promises, and whether it goes on where we stopped."""
        url, name = self.wanted.url, self.wanted.target.name
        length = self._told_length(answer)
        if answer.status == 206:
            told = answer.headers.get("Content-Range", "")
            span = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})", told)
            if span is None or int(span[1]) != self.part.size:
                self._restart()
                raise Interrupted("the server sent another part than was asked for")
            length = int(span[2])
        elif self.part.size:
            self._restart()  # it knows no ranges, or has another version by now
        if self.wanted.size and length and length != self.wanted.size:
            self._discard()
            raise WeightsMismatch(
                f"{shown(url)} has {length:,} bytes, expected {self.wanted.size:,}", NEVER_USE
            )
        if not (length or answer.chunked):
            raise astray(url, "its length is not told")
        coding = answer.headers.get("Content-Encoding", "identity")
        if coding.strip().lower() != "identity":
            raise astray(url, f"it comes as {coding[:20]}, which nobody asked for")
        self.total = self.wanted.size or length
        self.progress.started(name, self.part.size, self.total)
        free = shutil.disk_usage(self.wanted.target.parent).free
        if self.total - self.part.size > free:
            missing = (self.total - self.part.size) / 1e6
            raise _no_room(self.wanted, f"{missing:,.1f} MB more, {free / 1e6:,.1f} MB free")
        tag = answer.headers.get("ETag", "")
        self.part.remember(url, "" if tag.startswith("W/") else tag)

    def _told_length(self, answer: BoundedResponse) -> int:
        """Bytes that the server promises, 0 if none; several headers must agree (RFC 9110 §8.6)."""
        told = {part.strip() for each in answer.lengths() for part in each.split(",")}
        if len(told) > 1:
            raise astray(self.wanted.url, "it tells several lengths")
        return int(next(iter(told))) if re.fullmatch("[0-9]{1,18}", "".join(told)) else 0

    def _receive(self, answer: BoundedResponse) -> None:
        most = self.total or LARGEST_UNTOLD
        for block in self._blocks(answer):
            if self.part.size + len(block) > most:
                self._discard()
                raise WeightsMismatch(
                    f"{shown(self.wanted.url)} has more than"
                    f" {f'its {most:,}' if self.total else f'{most:,}'} bytes",
                    NEVER_USE if self.total else "tell its size in the preset's file",
                )
            self.part.append(block)
            self.progress.advanced(self.part.size)
            if self.part.size >= self._mark + self.patience.hardly_anything:
                self._mark, self._marked = self.part.size, time.monotonic()
        if self.part.size < self.total:
            raise Interrupted("the connection ended early")
        if not self.part.size:
            raise astray(self.wanted.url, "it is empty")

    def _blocks(self, answer: BoundedResponse) -> Iterator[bytes]:
        began, count = time.monotonic(), 0
        while True:
            try:
                block = answer.read_block(BLOCK)
            except Dripped as error:
                raise Interrupted("hardly anything arrives") from error
            except (OSError, http.client.HTTPException) as error:
                raise failure(error, self.wanted.url) from error
            if not block:
                return
            yield block
            count += len(block)
            passed = time.monotonic() - began
            if passed > self.patience.window:
                if count < self.patience.least_speed * passed:
                    raise Interrupted("hardly anything arrives")
                began, count = time.monotonic(), 0

    def _given_up(self, reason: str) -> ModelError:
        kept = f"; {self.part.size / 1e6:,.1f} MB of it are kept" if self.part.size else ""
        return DownloadFailed(
            f"{shown(self.wanted.url)} cannot be fetched ({reason}){kept}",
            "check the network and run the command again, it goes on from there; or copy the file"
            f" to {shown(self.wanted.target)}",
        )


def _no_room(wanted: Wanted, how: str) -> StorageFull:
    return StorageFull(
        f"the disk of {shown(wanted.target.parent)} has no room for {wanted.target.name} ({how})",
        "free some space, or name a folder on another disk with SEGSEARCH_MODELS, then run the"
        " command again",
    )
