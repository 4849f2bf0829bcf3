from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog


def _loaded(name: str) -> ModuleType:
    # tests are no package; made_photos is also run as a script
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """Photos made from numbers."""
    return _loaded("made_photos")


@pytest.fixture(scope="session")
def painted() -> ModuleType:
    """Photo files painted from numbers, indexed, and the index compared."""
    return _loaded("painted")


@pytest.fixture
def catalog(tmp_path: Path, made: ModuleType) -> Iterator[SqliteCatalog]:
    """A new catalog in `tmp_path / "index"`."""
    with SqliteCatalog.create(tmp_path / "index", made.MANIFEST) as created:
        yield created
