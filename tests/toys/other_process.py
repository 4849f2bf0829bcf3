"""Tasks done as another process would: nothing passes but what can be pickled."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

from model.task import Answer, Fate, Item, Task, nobody_knows

FATE = Fate("exit code 7", killed=False, patience=600)


def elsewhere(task: Task[Item, Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """Answers in another order than the items', as of a process that is given all by pickles."""
    do = passed(task).load(nobody_knows)
    answers = [passed(answer) for item in items for answer in do([passed(item)])]
    yield from reversed(answers)


def losing(name: str) -> Any:
    """The same, of which an item that has a path of that name is lost."""

    def do(task: Task[Item, Answer], items: Iterable[Item]) -> Iterator[Answer]:
        for item in items:
            if name in repr(item):
                yield task.lost(item, FATE)
            else:
                yield from elsewhere(task, [item])

    return do


def passed(thing: Any) -> Any:
    """What comes out at the other end."""
    return pickle.loads(pickle.dumps(thing))
