"""Paths that a pattern means begin as is told, however they are spelled; few others do."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.catalog.path_beginnings import _TWINS, path_ranges
from indexer.catalog.path_pattern import PathPattern

SOME = st.text(
    alphabet="ab/*?[]K;\u212a\u212b\u00c5A\u030aéÉe\u0301\u0323и\u0306й神\ufa19", max_size=8
)


@given(SOME, SOME, SOME)
@example("K/*", "\u212a/", "a")
@example("神/*", "\ufa19/", "a")
def test_a_path_that_is_meant_lies_in_a_range(pattern: str, begin: str, end: str) -> None:
    meant = PathPattern("/" + pattern)
    ranges = path_ranges(meant)
    if ranges is None:
        return
    for form in ("NFC", "NFD"):
        for path in ("/" + begin + end, "/" + unicodedata.normalize(form, pattern) + end):
            if meant.matches(path):
                there = os.fsencode(path)
                assert any(low <= there < high for low, high in ranges)


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("/photos/2023", "/photos/2023/a.jpg", "/photos/2022/a.jpg"),
        ("/photos/2023/**/*.jpg", "/photos/2023/b/a.jpg", "/photos/2024/a.jpg"),
        ("s3://bucket/a/*", "s3://bucket/a/1.jpg", "s3://bucket/b/1.jpg"),
        ("/фото/москва/*", "/фото/москва/1.jpg", "/фото/омск/1.jpg"),
        ("/a/[2023] Rome/*", "/a/[2023] Rome/1.jpg", "/b/1.jpg"),
        ("/a/\udcff/*", "/a/\udcff/1.jpg", "/a/b/1.jpg"),
    ],
)
def test_ranges_leave_other_folders_out(pattern: str, inside: str, outside: str) -> None:
    ranges = path_ranges(PathPattern(pattern))
    assert ranges is not None
    assert any(low <= os.fsencode(inside) < high for low, high in ranges)
    assert not any(low <= os.fsencode(outside) < high for low, high in ranges)


@pytest.mark.parametrize("pattern", ["2023/*", "*.jpg", "rome", "*", "/*/a.jpg", "é/*"])
def test_what_may_begin_in_any_way_has_no_range(pattern: str) -> None:
    ranges = path_ranges(PathPattern(pattern))
    assert ranges is None or ranges == [(b"/", b"0")]


def test_all_characters_that_stand_for_one_other_are_known() -> None:
    known = {x for first, last in _TWINS for x in range(first, last + 1)}
    for x in range(0x110000):
        plain = unicodedata.normalize("NFD", chr(x))
        assert len(plain) > 1 or plain == chr(x) or x in known
