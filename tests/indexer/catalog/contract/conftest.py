"""Every back end of the catalog, by name: the contract's tests run over each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from indexer.backends import create_catalog, open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.location import Location, location_of, parsed, write_location


@dataclass(frozen=True)
class BackEnd:
    create: Callable[[Path, Manifest], Catalog]
    open: Callable[..., Catalog]


@pytest.fixture(params=["sqlite", "postgres"])
def back_end(request: pytest.FixtureRequest) -> Iterator[BackEnd]:
    if request.param == "sqlite":
        yield BackEnd(SqliteCatalog.create, SqliteCatalog.open)
        return
    uri = request.getfixturevalue("any_postgres_uri")
    schemas: list[Location] = []

    def create(folder: Path, manifest: Manifest) -> Catalog:
        if location_of(folder) is None:
            location, _ = parsed(f"{uri}{len(schemas) or ''}")
            write_location(folder, location)
            schemas.append(location)
        return create_catalog(folder, manifest)

    yield BackEnd(create, open_catalog)
    for location in schemas[1:]:
        with psycopg_connection(location) as connection:
            connection.execute(f'DROP SCHEMA "{location.schema}" CASCADE')


@contextmanager
def psycopg_connection(location: Location) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(**location.parameters, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        yield connection


@pytest.fixture
def catalog(back_end: BackEnd, tmp_path: Path, made: ModuleType) -> Iterator[Catalog]:
    with back_end.create(tmp_path / "index", made.MANIFEST) as created:
        yield created
