"""Every back end of the catalog, by name: the contract's tests run over each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from indexer.catalog.catalog import Catalog
from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog


@dataclass(frozen=True)
class BackEnd:
    create: Callable[[Path, Manifest], Catalog]
    open: Callable[..., Catalog]


BACK_ENDS = {"sqlite": BackEnd(SqliteCatalog.create, SqliteCatalog.open)}


@pytest.fixture(params=BACK_ENDS)
def back_end(request: pytest.FixtureRequest) -> BackEnd:
    return BACK_ENDS[request.param]


@pytest.fixture
def catalog(back_end: BackEnd, tmp_path: Path, made: ModuleType) -> Iterator[Catalog]:
    with back_end.create(tmp_path / "index", made.MANIFEST) as created:
        yield created
