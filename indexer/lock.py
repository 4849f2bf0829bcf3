"""Locks of an index folder: one process writes to it, and says which; one writes its cache."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock

from model.atomic_files import DISK_FULL
from model.errors import IndexLocked, IndexReadOnly, StorageError, StorageFull, shown

FILE_NAME = "writer.lock"
CACHE_FILE_NAME = "cache.lock"
CACHE_WAIT = 600.0
"""Seconds a writer waits for a search to end its rebuilding of the vector cache."""
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class FolderLock:
    """Lock on an index folder, held for the length of a `with`.

    The operating system holds the lock for the process, so one that was killed leaves none
    behind; the file stays, its content only tells people who wrote last.

    Args:
        folder: the index; it must exist.
        file_name: name of the lock's file in it.
        wait: seconds to wait for another process that holds it; by default not at all.

    Raises (on entering):
        IndexLocked: another process writes, named by its pid.
        IndexReadOnly: the folder cannot be written to.
    """

    def __init__(self, folder: Path | str, file_name: str, *, wait: float = 0.0) -> None:
        self.path = Path(folder) / file_name
        self._wait = wait
        # may turn into a SoftFileLock on a disk without locks
        self._lock: filelock.BaseFileLock = filelock.FileLock(self.path, thread_local=False)

    def __enter__(self) -> Self:
        if not self.path.parent.is_dir():
            raise StorageError(
                f"there is no folder {shown(self.path.parent)}", "make it, or name another"
            )
        try:
            self._acquire()
        except filelock.Timeout:
            raise IndexLocked(
                f"{self._owner()} is writing to {shown(self.path.parent)}",
                "wait until it is done, or stop it, then run the command again",
            ) from None
        except OSError as error:
            raise self._explained(error) from error
        try:
            self._sign()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def _acquire(self) -> None:
        try:
            with warnings.catch_warnings():  # filelock tells of disks without locks on stderr
                warnings.simplefilter("ignore", UserWarning)
                self._lock.acquire(timeout=self._wait, blocking=self._wait > 0)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            # a network's disk without locks: a file that only one can make, known to be left
            # behind by its process' number
            self._lock = filelock.SoftFileLock(f"{self.path}.held", thread_local=False)
            self._lock.acquire(timeout=self._wait, blocking=self._wait > 0)

    def _sign(self) -> None:
        if isinstance(self._lock, filelock.SoftFileLock):
            return  # a disk without locks: filelock keeps its own signature in the file
        signature = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        # The lock holds without it, so a disk that is just full need not stop a run here.
        with suppress(OSError):
            self.path.write_text(json.dumps(signature) + "\n", encoding="utf-8")

    def _owner(self) -> str:
        try:
            with self.path.open("rb") as file:  # whatever it holds, a signature is short
                signature: dict[str, Any] = json.loads(file.read(4096))
            since = time.localtime(float(signature["since"]))
            today = time.strftime("%F", since) == time.strftime("%F")
            moment = time.strftime("%H:%M" if today else "%F %H:%M", since)
            elsewhere = signature["host"] != socket.gethostname()
            host = f" on {shown(signature['host'])}" if elsewhere else ""
            return f"another segsearch (pid {int(signature['pid'])}{host}, since {moment})"
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return "another segsearch"  # it has the lock, but has not signed yet

    def _explained(self, error: OSError) -> StorageError:
        where = shown(self.path.parent)
        if error.errno in _REFUSED:
            return IndexReadOnly(
                f"{where} cannot be written to",
                "make it writable, or index into another folder",
            )
        if error.errno in DISK_FULL:
            return StorageFull(f"the disk of {where} is full", "free some space, then try again")
        return StorageError(f"{where} cannot be locked ({error.strerror})", "check its disk")


class CacheLock(FolderLock):
    """Right to write the vector cache, which a search may do as well as an indexing run."""

    def __init__(self, folder: Path | str, *, wait: float = 0.0) -> None:
        super().__init__(folder, CACHE_FILE_NAME, wait=wait)


class WriterLock(FolderLock):
    """Right to write all of an index, its vector cache included.

    Another writer is an error at once; a search that is just writing the cache is waited for.
    """

    def __init__(self, folder: Path | str, *, wait: float = 0.0) -> None:
        super().__init__(folder, FILE_NAME, wait=wait)
        self._cache = CacheLock(folder, wait=CACHE_WAIT)

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._cache.__enter__()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cache.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)
