"""Patterns of paths mean in PostgreSQL what they mean in Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.catalog.path_pattern import PathPattern

if TYPE_CHECKING:
    from postgres_server import OwnServer

    from indexer.catalog.postgres.database import Connection

pytest.importorskip("psycopg")
SOME = st.text(alphabet="ab/*?[]^-.JéÉ\u0301\n\\{}(|+$ \udcff", max_size=9)


@pytest.fixture(scope="module")
def connection(postgres_server: OwnServer) -> Iterator[Connection]:
    import psycopg

    from indexer.location import parsed

    location, _ = parsed(postgres_server.uri())
    with psycopg.connect(**location.parameters, autocommit=True) as opened:
        yield opened


@settings(max_examples=250)
@given(st.data())
def test_a_pattern_meets_the_same_paths(connection: Connection, data: st.DataObject) -> None:
    from indexer.catalog.postgres.path_regex import path_regex, searchable

    pattern = PathPattern(data.draw(SOME))
    paths = ["/" + data.draw(SOME) for _ in range(4)] + ["/a/b.jpg", "/é/A.JPG", "/a/[b]/c"]
    expression = path_regex(pattern)
    wanted = [pattern.matches(path) for path in paths]
    if expression is None:
        assert not any(wanted)
        return
    found = connection.execute(
        'SELECT shown COLLATE "C" ~ %s FROM unnest(%s::text[]) WITH ORDINALITY AS a (shown, place)'
        " ORDER BY place",
        (expression, [searchable(path) for path in paths]),
    )
    assert [row[0] for row in found] == wanted


@given(SOME)
@example("/e\u0301/\udc80.jpg")
def test_what_is_searched_can_be_stored(path: str) -> None:
    from indexer.catalog.postgres.path_regex import searchable

    assert searchable(path).encode("utf-8", "strict").decode() == searchable(path)
