from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

from indexer.index import Index
from searchengine import Options, SearchEngine
from searchengine.status import status_of


def test_a_status_counts_what_is_there(engine: SearchEngine, photos: Path) -> None:
    status = engine.status()
    assert (status.photos, status.files, status.coverage) == (5, 5, 1.0)
    assert status.segments > 5
    assert status.roots == (str(photos),)
    assert status.preset == "colours"
    assert {"catalog.sqlite", "vectors.faiss"} <= status.bytes.keys()
    assert str(status).startswith("index")
    assert status.to_dict()["total_bytes"] == sum(status.bytes.values())


def test_skipped_photos_lower_the_coverage(tmp_path: Path, photos: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "good.jpg").write_bytes((photos / "green.jpg").read_bytes())
    (folder / "bad.jpg").write_bytes((photos / "green.jpg").read_bytes()[:500])
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(folder, options=Options(jobs=1))
        status = engine.status()
    assert (status.photos, status.files, status.coverage) == (1, 1, 0.5)
    assert [Path(path).name for path, _, _ in status.skipped] == ["bad.jpg"]
    assert "bad.jpg" in str(status)


def test_a_head_of_ones_own_is_told(engine: SearchEngine) -> None:
    assert engine.status().head == ""
    manifest = engine.reader.catalog.manifest
    own = replace(manifest, settings={**manifest.settings, "source": "nano+/my/head.safetensors"})
    status = status_of(Index(engine.folder, Mock(wraps=engine.reader.catalog, manifest=own)))
    assert status.head == "/my/head.safetensors"
    assert "head      /my/head.safetensors" in str(status)
