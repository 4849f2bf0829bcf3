"""A stream gives what the steps one after another give, holds few items, and ends with errors."""

import threading
import time
from collections.abc import Iterator

import pytest

from model.curation.streaming import WAITING, Step, stream


def doubled(items: list[int]) -> list[int]:
    return [2 * item for item in items]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("at_once", [1, 4])
def test_all_items_come_out_once(batch: int, at_once: int) -> None:
    steps = [Step("one", doubled, batch, at_once), Step("two", doubled), Step("three", doubled, 2)]
    assert sorted(stream(range(50), steps)) == [8 * item for item in range(50)]
    assert list(stream(range(0), steps)) == []
    assert list(stream(range(3), [])) == [0, 1, 2]


def test_one_thread_a_step_keeps_the_order() -> None:
    assert list(stream(range(30), [Step("one", doubled), Step("two", doubled)])) == list(
        range(0, 120, 4)
    )


def test_batches_are_no_larger_than_asked_and_are_filled_where_items_wait() -> None:
    sizes: list[int] = []

    def noted(items: list[int]) -> list[int]:
        sizes.append(len(items))
        time.sleep(0.01)
        return items

    list(stream(range(40), [Step("noted", noted, batch=4)]))
    assert max(sizes) == 4
    assert sum(sizes) == 40


def test_a_step_that_does_many_together_does_not_wait_for_the_next() -> None:
    """While the next step holds the first item, a batch of eight is put down and one more begun."""
    begun, filled, further = threading.Event(), threading.Event(), threading.Event()
    sizes: list[int] = []

    def fed() -> Iterator[int]:
        yield 0
        assert begun.wait(10)  # the first call is of one item
        yield from range(1, 9)
        filled.set()
        yield from range(9, 20)

    def together(items: list[int]) -> list[int]:
        begun.set()
        assert filled.wait(10)
        if sizes and sizes[-1] == 8:
            further.set()
        sizes.append(len(items))
        return items

    def held(items: list[int]) -> list[int]:
        assert further.wait(10)
        return items

    assert list(stream(fed(), [Step("a", together, batch=8), Step("b", held)])) == list(range(20))


def test_few_items_are_held_however_many_there_are() -> None:
    taken, held = 0, 0

    def counted() -> Iterator[int]:
        nonlocal taken
        for item in range(300):
            taken += 1
            yield item

    for done, _ in enumerate(stream(counted(), [Step("a", doubled), Step("b", doubled)]), 1):
        held = max(held, taken - done)
        time.sleep(0.0005)
    assert held <= 4 * WAITING


def test_what_a_step_raises_is_raised_and_all_threads_end() -> None:
    def refused(items: list[int]) -> list[int]:
        if 7 in items:
            raise ValueError("seven")
        return items

    before = threading.active_count()
    with pytest.raises(ValueError, match="seven"):
        list(stream(range(1000), [Step("c", refused), Step("a", doubled, 1, 2)]))
    assert threading.active_count() == before


def test_what_the_items_raise_is_raised() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(stream(broken(), [Step("a", doubled)]))


def test_a_stream_that_is_left_ends_its_threads() -> None:
    before = threading.active_count()
    some = stream(range(1000), [Step("a", doubled, 1, 3), Step("b", doubled)])
    assert next(iter(some)) is not None
    some.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
