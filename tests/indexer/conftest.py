from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from indexer.catalog import Catalog


def _made_photos() -> ModuleType:
    # tests are no package; this module is also run as a script
    spec = spec_from_file_location("made_photos", Path(__file__).with_name("made_photos.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["made_photos"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """Photos made from numbers."""
    return _made_photos()


@pytest.fixture
def catalog(tmp_path: Path, made: ModuleType) -> Iterator[Catalog]:
    """A new catalog in `tmp_path / "index"`."""
    with Catalog.create(tmp_path / "index", made.MANIFEST) as created:
        yield created
