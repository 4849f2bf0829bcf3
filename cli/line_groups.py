"""Lines in groups: as many as have come, without waiting for those that have not."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Queue
from threading import Thread


def in_groups(lines: Iterator[str], most: int) -> Iterator[list[str]]:
    """All lines, in their order, in groups of 1 to `most`.

    A group holds what is there: who asks through a pipe and waits for the answer before the next
    question gets it. What `lines` raises is raised after the lines before it.
    """
    queue: Queue[str | BaseException | None] = Queue(maxsize=most)

    def read() -> None:
        try:
            for line in lines:
                queue.put(line)
            queue.put(None)
        except BaseException as error:
            queue.put(error)

    Thread(target=read, daemon=True, name="lines").start()
    end: BaseException | None = None
    reading = True
    while reading:
        group: list[str] = []
        item = queue.get()
        while True:
            if not isinstance(item, str):
                reading, end = False, item
                break
            group.append(item)
            if len(group) == most:
                break
            try:
                item = queue.get_nowait()
            except Empty:
                break
        if group:
            yield group
    if end is not None:
        raise end
