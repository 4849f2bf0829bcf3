"""Worker: a process that looks at photos, one after another or some at a time.

It is started by `indexer.workers.local_pool`, reads pickled messages from its standard input and
answers each on its standard output. A process of our own making, because `multiprocessing` would
run the user's main script again, and because a photo that kills its decoder must cost one photo.
"""

from __future__ import annotations

import os
import pickle
import struct
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, BinaryIO, cast

from indexer.workers.allocator import keep_freed_memory
from indexer.workers.parent import end_with_parent
from indexer.workers.pipeline import process
from model.devices import be_worker
from model.errors import ModelError, SegsearchError
from model.presets.preset import load_preset
from model.weights.offline import offline


@dataclass(frozen=True)
class WorkerConfig:
    """Settings that a worker needs before its first photo.

    Attributes:
        preset: preset whose models the worker loads.
        max_megapixels: photos with more are skipped.
        thumbnails: whether a thumbnail is made of each photo.
        worker: its number among all workers, which share the GPUs.
    """

    preset: str
    max_megapixels: float
    thumbnails: bool = True
    worker: int = 0


@dataclass(frozen=True)
class Question:
    """Question of a worker between the reading of photos and the look at them: are they known?

    Attributes:
        digests: digests of their pixels; the answer is a tuple of as many booleans.
    """

    digests: list[bytes]


def send(stream: BinaryIO, message: object) -> None:
    """One message: its length, then its pickle."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(struct.pack("<Q", len(body)) + body)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """The next message; EOFError when the other side has gone."""
    (length,) = struct.unpack("<Q", _exactly(stream, 8))
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: BinaryIO, length: int) -> bytearray:
    """So many bytes: of a stream without a buffer each read gives what is there."""
    read = bytearray()
    while len(read) < length:
        some = stream.read(length - len(read))
        if not some:
            raise EOFError
        read += some
    return read


def main() -> None:
    """Serve the process that started this one until it closes the pipe, or ends."""
    end_with_parent()
    with offline():
        _serve()


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not end up among the answers
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    try:
        config: WorkerConfig = inbox.get()
        be_worker(config.worker)
        keep_freed_memory()
        try:
            preset = load_preset(config.preset)
            models = preset.build()
        except SegsearchError as error:
            send(answers, error)
            return
        send(answers, None)

        def known(digests: list[bytes]) -> list[bool]:
            send(answers, Question(digests))
            return list(cast(tuple[bool, ...], inbox.get()))

        while True:
            paths = inbox.get()
            try:
                most = config.max_megapixels
                looked = process(paths, preset, models, most, known, thumbnails=config.thumbnails)
                send(answers, looked)
            except ModelError as error:
                send(answers, error)
    except BrokenPipeError:
        os._exit(0)  # the parent is gone: nothing to say, nobody to say it to


def _listen(inbox: SimpleQueue[Any]) -> None:
    """Pass on what the parent sends; when it is gone, leave the photo at hand and end."""
    # sys.stdin could not be closed while this thread reads, and a thread that waits with the lock
    # of a buffer aborts a process that ends
    orders = cast(BinaryIO, os.fdopen(os.dup(0), "rb", buffering=0))
    try:
        while True:
            inbox.put(receive(orders))
    finally:
        os._exit(0)
