import threading
from collections.abc import Iterator

import pytest

from indexer.stages import stage


def test_items_come_out_in_their_order() -> None:
    squared = stage(lambda n: n * n, stage(lambda n: n + 1, range(20)))
    assert list(squared) == [(n + 1) ** 2 for n in range(20)]
    assert list(stage(lambda n: n, [])) == []


def test_all_stages_work_at_a_time() -> None:
    taken, begun = ([threading.Event() for _ in range(5)] for _ in range(2))

    def items() -> Iterator[int]:
        for number, event in enumerate(taken):
            event.set()
            yield number

    def first(number: int) -> int:
        begun[number].set()
        assert taken[min(number + 1, 4)].wait(30)  # the next item is taken meanwhile
        return number

    def second(number: int) -> int:
        assert begun[min(number + 1, 4)].wait(30)  # and the stage before is at it
        return number

    assert list(stage(second, stage(first, items()))) == list(range(5))


def test_a_deed_that_fails_ends_all() -> None:
    begun: list[int] = []

    def deed(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise ValueError("two")
        return number

    with pytest.raises(ValueError, match="two"):
        list(stage(deed, range(100)))
    assert begun == [0, 1, 2]


def test_nothing_goes_on_once_nobody_wants_it() -> None:
    free, done = threading.Event(), list[int]()

    def deed(number: int) -> int:
        assert number == 0 or free.wait(30)
        done.append(number)
        return number

    made = stage(deed, iter(range(100)))
    assert next(made) == 0
    threading.Timer(0.1, free.set).start()
    made.close()  # type: ignore[attr-defined]
    assert done == [0, 1]


def test_what_taking_an_item_raises_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(stage(lambda number: number, items()))
