from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from cli.line_groups import in_groups


def test_all_lines_come_in_their_order_and_groups_are_not_too_large() -> None:
    lines = [str(number) for number in range(100)]
    groups = list(in_groups(iter(lines), 7))
    assert [line for group in groups for line in group] == lines
    assert {len(group) for group in groups} <= set(range(1, 8))
    assert list(in_groups(iter([]), 7)) == []


def test_nobody_waits_for_lines_that_have_not_come() -> None:
    """Who asks through a pipe sends the next question after the answer."""
    answered = Event()

    def conversation() -> Iterator[str]:
        yield "first"
        assert answered.wait(10)
        yield "second"

    groups = in_groups(conversation(), 64)
    assert next(groups) == ["first"]
    answered.set()
    assert list(groups) == [["second"]]


def test_what_the_reading_raises_comes_after_the_lines_before_it() -> None:
    def broken() -> Iterator[str]:
        yield "first"
        raise OSError("gone")

    groups = in_groups(broken(), 64)
    assert next(groups) == ["first"]
    with pytest.raises(OSError, match="gone"):
        next(groups)
