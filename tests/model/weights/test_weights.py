import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from model.errors import PresetInvalid, WeightsMismatch, WeightsMissing
from model.weights import cache as weight_cache
from model.weights.cache import Record, known_sha256
from model.weights.weights import Weights, bundled, read_weights

BYTES = b"numbers"
SHA256 = hashlib.sha256(BYTES).hexdigest()
COMMIT = "f9e44c814b77203eaa57a6bdbbd535f21ede1415"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGSEARCH_MODELS", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return tmp_path / "cache"


def weights(folder: Path, **entry: Any) -> Weights:
    return read_weights("head", {"licence": "CC0-1.0", **entry}, folder, "own")


def written(path: Path, content: bytes = BYTES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_file_beside_the_preset_is_found_checked_and_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"head\.bin"):
        weights(tmp_path, file="head.bin", sha256=SHA256).checked_path()
    path = written(tmp_path / "head.bin")
    assert weights(tmp_path, file="head.bin", sha256=SHA256).checked_path() == path
    with pytest.raises(WeightsMismatch, match=SHA256[:12]):
        weights(tmp_path, file="head.bin", sha256="0" * 64).checked_path()


def test_a_package_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="nobody_made_this"):
        weights(tmp_path, file="x.bin", package="nobody_made_this").path()
    assert weights(tmp_path, file="errors.py", package="model").path().name == "errors.py"


def test_what_is_bundled_is_there() -> None:
    found = bundled("x", "colours.toml", "", "Apache-2.0")
    assert found.checked_path().is_file()
    assert found.permissive


def test_a_local_file_or_folder_stands_wherever_an_id_of_the_hub_does(tmp_path: Path) -> None:
    file = written(tmp_path / "here" / "model.safetensors")
    written(tmp_path / "here" / "config.json", b"{}")
    written(tmp_path / "here" / "notes.md", b"")
    one = weights(tmp_path, source="here/model.safetensors")
    assert one.checked_path() == file
    assert one.sha256 == SHA256
    folder = weights(tmp_path, source=str(tmp_path / "here"))
    assert folder.checked_path() == tmp_path / "here"
    assert [each.name for each in folder.files] == ["config.json", "model.safetensors"]
    before = folder.sha256
    written(tmp_path / "here" / "config.json", b"{ }")
    assert weights(tmp_path, source="here").sha256 != before


def test_home_is_expanded_and_what_is_there_is_taken_before_an_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = written(tmp_path / "x.pth")
    assert weights(Path("/"), source="~/x.pth").path() == file
    written(tmp_path / "owner" / "name" / "model.safetensors")
    assert weights(tmp_path, source="owner/name").path() == tmp_path / "owner" / "name"


@pytest.mark.parametrize("source", ["~/none.safetensors", "none/at/all", "./none", "/none"])
def test_a_local_path_that_is_not_there_is_told(tmp_path: Path, source: str) -> None:
    with pytest.raises(WeightsMissing, match="none"):
        weights(tmp_path, source=source).path()


def test_what_is_published_is_looked_for_in_the_cache_and_named_with_the_command(
    tmp_path: Path, cache: Path
) -> None:
    entry = {"source": "https://example.org/a/sam.pth", "sha256": SHA256, "size": 375_042_383}
    published = weights(tmp_path, **entry)
    assert published.sha256 == SHA256  # known without the file
    with pytest.raises(WeightsMissing, match=r"375\.0 MB.*segsearch models pull own"):
        published.checked_path()
    written(cache / "example.org" / "a" / "sam.pth")
    assert published.checked_path() == cache / "example.org" / "a" / "sam.pth"


def test_a_repository_of_the_hub_is_its_files_at_one_revision(tmp_path: Path, cache: Path) -> None:
    hub = weights(tmp_path, source="facebook/dinov2-base", revision=COMMIT)
    assert [file.name for file in hub.files] == ["config.json", "model.safetensors"]
    folder = cache / "huggingface.co" / "facebook" / "dinov2-base" / COMMIT
    written(folder / "config.json", b"{}")
    with pytest.raises(WeightsMissing):
        hub.path()
    written(folder / "model.safetensors")
    assert hub.checked_path() == folder
    assert hub.source.label == "facebook/dinov2-base@f9e44c81"


def test_what_the_hub_s_own_tools_have_fetched_is_as_good(tmp_path: Path) -> None:
    hub = weights(tmp_path, source="a/b", revision=COMMIT, file="model.safetensors", sha256=SHA256)
    place = tmp_path / "hub" / "hub" / "models--a--b" / "snapshots" / COMMIT / "model.safetensors"
    written(place)
    assert hub.checked_path() == place


@pytest.mark.parametrize(
    "entry",
    [
        {"source": "https://example.org/a/../../x.pth"},
        {"source": "https://example.org/.hidden.pth"},
        {"source": "https://user:secret@example.org/x.pth"},
        {"source": "https://example.org/x.pth?token=1"},
        {"source": "https://example.org/"},
        {"source": "file:///etc/passwd"},
        {"source": "ftp://example.org/x.pth"},
        {"source": "a/b", "file": "../../x.pth"},
        {"source": "a/b", "file": "/etc/passwd"},
        {"source": "a/b", "files": [{"name": "x/.ssh"}]},
        {"source": "a/b", "file": "line\nbreak"},
        {"source": "a/b", "revision": "../../main"},
    ],
)
def test_sources_and_names_that_lead_elsewhere_are_refused(
    tmp_path: Path, entry: dict[str, Any]
) -> None:
    with pytest.raises(PresetInvalid):
        weights(tmp_path, **entry)


def test_several_files_have_one_digest(tmp_path: Path) -> None:
    files = [{"name": "config.json", "sha256": "1" * 64}, {"name": "x.pth", "sha256": SHA256}]
    both = weights(tmp_path, source="a/b", files=files)
    files[0] = {"name": "config.json", "sha256": "2" * 64}
    assert weights(tmp_path, source="a/b", files=files).sha256 != both.sha256


def test_a_large_file_is_hashed_once_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_cache, "SMALL", 0)
    read: list[Path] = []
    hashing = weight_cache.sha256_of
    monkeypatch.setattr(
        weight_cache, "sha256_of", lambda path: (read.append(path), hashing(path))[1]
    )
    path = written(tmp_path / "head.bin")
    pinned = weights(tmp_path, file="head.bin", sha256=SHA256)
    assert pinned.checked_path() == pinned.checked_path() == path
    assert len(read) == 1
    pinned.checked_path(anew=True)
    os.utime(path, ns=(1, 1))
    pinned.checked_path()
    assert len(read) == 2
    written(path, b"NUMBERS")
    os.utime(path, ns=(1, 2))
    with pytest.raises(WeightsMismatch):
        pinned.checked_path()


def test_bytes_that_rot_unseen_are_found_by_reading_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_cache, "SMALL", 0)
    path = written(tmp_path / "head.bin")
    mine = weights(tmp_path, file="head.bin")
    mine.checked_path()
    state = path.stat()
    path.write_bytes(b"NUMBERS")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    mine.checked_path()
    with pytest.raises(WeightsMismatch):
        mine.checked_path(anew=True)


def test_a_cache_that_is_not_writable_or_damaged_costs_time_only(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_cache, "SMALL", 0)
    path = written(tmp_path / "head.bin")
    cache.write_bytes(b"a file where the folder should be")
    assert known_sha256(path) == SHA256
    cache.unlink()
    Record.of(path, SHA256).store()
    (place,) = (cache / "records").iterdir()
    for damaged in ("", "{", '{"sha256": 1}', "[]", json.dumps({"path": 1, "more": 2})):
        place.write_text(damaged)
        assert known_sha256(path) == SHA256


def test_of_weights_without_a_digest_the_first_that_were_fetched_count(
    tmp_path: Path, cache: Path
) -> None:
    hub = weights(tmp_path, source="a/b", file="model.safetensors")
    with pytest.raises(WeightsMissing):
        _ = hub.sha256
    path = written(cache / "huggingface.co" / "a" / "b" / "main" / "model.safetensors")
    Record.of(path, SHA256, "https://huggingface.co/a/b").store()
    assert hub.sha256 == SHA256
    written(path, b"others")
    with pytest.raises(WeightsMismatch, match="pull own"):
        hub.checked_path()


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("Apache-2.0", True), ("MIT", True), ("CC-BY-NC-4.0", False), ("", False), ("yours", False),
        ("Apache-2.0; part of the training data is non-commercial", True),
    ],
)  # fmt: skip
def test_licences_are_told_apart(tmp_path: Path, licence: str, permissive: bool) -> None:
    assert weights(tmp_path, file="x", licence=licence).permissive is permissive
