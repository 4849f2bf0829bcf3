"""Worker: a process that does a task, one item after another or some at a time.

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
from model.devices import be_worker
from model.errors import SegsearchError
from model.task import Task
from model.weights.offline import offline


@dataclass(frozen=True)
class Start:
    """What a worker is told before its first item.

    Attributes:
        task: task that it does.
        worker: its number among all workers, which share the GPUs.
    """

    task: Task[Any, Any]
    worker: int = 0


@dataclass(frozen=True)
class Question:
    """Question of a worker while it is at work.

    Attributes:
        body: question of the task.
    """

    body: Any


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
        start: Start = inbox.get()
        be_worker(start.worker)
        keep_freed_memory()

        def ask(body: Any) -> Any:
            send(answers, Question(body))
            return inbox.get()

        try:
            do = start.task.load(ask)
        except SegsearchError as error:
            send(answers, error)
            return
        send(answers, None)
        while True:
            items = inbox.get()
            try:
                send(answers, do(items))
            except SegsearchError as error:
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
