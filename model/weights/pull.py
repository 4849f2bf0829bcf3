"""Pulling: published weights into the cache, one process at a time, each file once.

Plain HTTP with pinned digests rather than the hub's client: one way for every publisher, resumed
across runs, and what comes is what the preset names, whoever sends it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from model.errors import DownloadFailed, WeightsMismatch, WeightsMissing, shown
from model.weights.cache import Record, known_sha256, record_of
from model.weights.download import TransferProgress, Wanted, download
from model.weights.patience import Patience
from model.weights.sources import Published
from model.weights.user_folders import expand_home
from model.weights.weights import WeightFile, Weights

OFFLINE = ("SEGSEARCH_OFFLINE", "HF_HUB_OFFLINE")


def network_forbidden() -> bool:
    """Whether the environment says so: `SEGSEARCH_OFFLINE` or `HF_HUB_OFFLINE`."""
    return any(
        os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on") for name in OFFLINE
    )


def pull(
    weights: Weights,
    progress: TransferProgress | None = None,
    patience: Patience | None = None,
    offline: bool = False,
) -> list[WeightFile]:
    """See to it that weights are here and are the right ones.

    Args:
        weights: weights of any source.
        progress: told how it goes.
        patience: limits of time after which a download is given up.
        offline: leave the network alone, as `SEGSEARCH_OFFLINE` and `HF_HUB_OFFLINE` say, too.

    Returns:
        The files that were fetched, with the digests and sizes that they have.

    Raises:
        DownloadFailed: weights are not here, and cannot be fetched or must not be.
        WeightsMissing, WeightsMismatch: weights are the user's own, and not there or not right.
        WeightsMismatch: a file that came is not the one the preset names; it is thrown away.
        StorageFull: there is no room for them.
    """
    source = weights.source
    if not isinstance(source, Published):
        weights.checked_path()
        return []
    with suppress(WeightsMissing, WeightsMismatch):
        weights.checked_path()
        return []
    if offline or network_forbidden():
        raise DownloadFailed(
            f"the {weights.role} weights of preset '{shown(weights.preset)}' are not on this"
            " machine, and this is offline",
            f"leave out --offline and unset {' and '.join(OFFLINE)}; or copy the files to"
            f" {shown(source.cached)}",
        )
    progress = progress or TransferProgress()
    with _alone(source.cached, progress):
        return [
            _fetched(source, file, progress, patience)
            for file in weights.files
            if not _right(source.cached / file.name, file)
        ]


def _right(path: Path, file: WeightFile) -> bool:
    return path.is_file() and known_sha256(path) == (_expected(path, file) or known_sha256(path))


def _expected(path: Path, file: WeightFile) -> str:
    record = record_of(path)
    return file.sha256 or (record.sha256 if record is not None and record.url else "")


def _fetched(
    source: Published, file: WeightFile, progress: TransferProgress, patience: Patience | None
) -> WeightFile:
    target = source.cached / file.name
    wanted = Wanted(
        url=source.url(file.name),
        target=target,
        sha256=_expected(target, file),
        size=file.size,
        token=_token() if source.hub_id else "",
        page=source.page(),
    )
    sha256 = download(wanted, progress, patience)
    Record.of(target, sha256, wanted.url).store()
    if not wanted.sha256:
        progress.told(
            f"{target.name}: the preset names no SHA-256; what came has {sha256}, and nothing else"
            " will be accepted from now on"
        )
    return WeightFile(file.name, sha256, target.stat().st_size)


@contextmanager
def _alone(folder: Path, progress: TransferProgress) -> Iterator[None]:
    """Hold the right to write into a folder of the cache; wait for who has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        progress.told(f"another process is fetching to {folder}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _token() -> str:
    """Token for the hub, as its own tools keep it; "" if nobody said."""
    token = os.environ.get("HF_TOKEN", "")
    home = expand_home(os.environ.get("HF_HOME") or "~/.cache/huggingface")
    with suppress(OSError, UnicodeDecodeError):
        token = token or (home / "token").read_text(encoding="ascii")
    token = token.strip()
    return token if token.isascii() and token.isprintable() else ""
