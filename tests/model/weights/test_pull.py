import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from weight_server import WeightServer, serving, stalled, status

from model.errors import (
    DownloadFailed,
    LicenceNotAccepted,
    PresetUnknown,
    WeightsMismatch,
    WeightsMissing,
)
from model.presets.inventory import inventory
from model.weights.download import TransferProgress
from model.weights.patience import Patience
from model.weights.pull import pull
from model.weights.weights import Weights, read_weights

FILES = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 40}
COMMIT = "f9e44c814b77203eaa57a6bdbbd535f21ede1415"
HASTE = Patience(timeout=0.25, attempts=2, pause=0.01)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def cache(empty_weight_cache: Path) -> Path:
    return empty_weight_cache


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightServer]:
    """The hub, with one repository at one revision."""
    with serving() as server:
        for name, content in FILES.items():
            server.files[f"/a/b/resolve/{COMMIT}/{name}"] = content
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def repository(pinned: bool = True, **more: Any) -> Weights:
    files = [
        {"name": name, "sha256": sha256(content), "size": len(content)} if pinned
        else {"name": name} for name, content in FILES.items()
    ]  # fmt: skip
    entry = {"source": "a/b", "revision": COMMIT, "files": files, "licence": "MIT", **more}
    return read_weights("dino", entry, Path("/"), "own")


class Told(TransferProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def told(self, line: str) -> None:
        self.lines.append(line)


def test_what_is_missing_is_fetched_once_and_lies_in_one_folder(
    server: WeightServer, cache: Path
) -> None:
    weights = repository()
    assert [file.name for file in pull(weights, None, HASTE)] == list(FILES)
    folder = weights.checked_path()
    assert folder == cache / "huggingface.co" / "a" / "b" / COMMIT
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert pull(weights, None, HASTE) == []
    assert len(server.requests) == 2


def test_what_is_damaged_is_fetched_again_and_nothing_else(server: WeightServer) -> None:
    weights = repository()
    pull(weights, None, HASTE)
    (weights.path() / "config.json").write_bytes(b"[]")
    with pytest.raises(WeightsMismatch, match="pull own"):
        weights.checked_path()
    assert [file.name for file in pull(weights, None, HASTE)] == ["config.json"]
    weights.checked_path(anew=True)


@pytest.mark.parametrize("name", ["SEGSEARCH_OFFLINE", "HF_HUB_OFFLINE", ""])
def test_offline_nothing_is_asked_and_what_is_here_is_used(
    server: WeightServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name:
        monkeypatch.setenv(name, "1")
    with pytest.raises(DownloadFailed, match="offline"):
        pull(repository(), None, HASTE, offline=not name)
    assert not server.requests
    monkeypatch.delenv(name, raising=False)
    pull(repository(), None, HASTE)
    assert pull(repository(), None, HASTE, offline=True) == []


def test_the_first_files_without_a_digest_count_from_then_on(server: WeightServer) -> None:
    weights, progress = repository(pinned=False), Told()
    pull(weights, progress, HASTE)
    digest = sha256(FILES["model.safetensors"])
    assert any(digest in line and "no SHA-256" in line for line in progress.lines)
    assert weights.checked_path().is_dir()
    (weights.path() / "model.safetensors").unlink()
    server.files[f"/a/b/resolve/{COMMIT}/model.safetensors"] = b"others"
    with pytest.raises(WeightsMismatch, match=digest[:12]):
        pull(repository(pinned=False), None, HASTE)


def test_one_s_own_files_are_checked_and_never_fetched(
    tmp_path: Path, server: WeightServer
) -> None:
    (tmp_path / "x.pth").write_bytes(b"mine")
    entry = {"source": str(tmp_path / "x.pth"), "sha256": sha256(b"mine")}
    assert pull(read_weights("masks", entry, tmp_path, "own"), None, HASTE) == []
    with pytest.raises(WeightsMissing):
        pull(read_weights("masks", {"source": "none.pth"}, tmp_path, "own"), None, HASTE)
    assert not server.requests


def test_the_hub_is_told_who_asks_and_nobody_else(
    server: WeightServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "token").write_text("hf_file\n")
    server.deeds = [status(403)]
    with pytest.raises(LicenceNotAccepted, match=r"https://huggingface\.co/a/b"):
        pull(repository(), None, HASTE)
    monkeypatch.setenv("HF_TOKEN", "hf_said")
    pull(repository(), None, HASTE)
    entry = {"source": f"{server.url}/a/b/resolve/{COMMIT}/config.json"}
    pull(read_weights("x", entry, tmp_path, "own"), None, HASTE)
    assert [headers.get("Authorization") for _, headers in server.requests] == [
        "Bearer hf_file", "Bearer hf_said", "Bearer hf_said", None,
    ]  # fmt: skip


PULL = f"""
import sys
from pathlib import Path
from model.weights.pull import pull
from model.weights.weights import read_weights
files = [{{"name": name}} for name in {list(FILES)}]
weights = read_weights("x", dict(source="a/b", revision="{COMMIT}", files=files), Path("/"), "own")
print(len(pull(weights)))
"""


def pulling() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PULL], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def test_two_processes_at_once_fetch_every_file_once(server: WeightServer) -> None:
    server.deeds = [stalled(10, seconds=0.5)]  # the second comes while the first one waits
    with pulling() as one, pulling() as other:
        counts = sorted(int(process.communicate(timeout=60)[0]) for process in (one, other))
    assert counts == [0, 2]
    assert not list(repository().path().glob("*.part*"))


def test_a_killed_pull_goes_on_where_it_was(server: WeightServer, cache: Path) -> None:
    from weight_server import whole

    server.deeds = [whole, stalled(6000)]
    part = cache / "huggingface.co" / "a" / "b" / COMMIT / "model.safetensors.part"
    with pulling() as process:
        while not (part.exists() and part.stat().st_size == 6000):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert [file.name for file in pull(repository(), None, HASTE)] == ["model.safetensors"]
    assert server.ranges == [None, None, "bytes=6000-"]
    repository().checked_path(anew=True)


def test_the_inventory_tells_what_is_here_and_what_is_wrong(
    server: WeightServer, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f"extends = 'colours'\n[weights.dino]\nsource = 'a/b'\nrevision = '{COMMIT}'\n")
    (item,) = inventory([str(own)])
    assert (item.state, item.pinned, item.sha256) == ("missing", False, "")
    assert item.checked().problem.startswith("the dino weights")
    pull(item.weights, None, HASTE)
    (item,) = inventory([f"{own}:dino"])
    assert (item.state, item.checked().problem) == ("cached", "")
    assert item.sha256 == sha256(FILES["model.safetensors"])
    assert item.to_dict()["files"][1]["size"] == len(FILES["model.safetensors"])
    (item.weights.path() / "model.safetensors").write_bytes(b"x")
    assert "SHA-256" in item.checked().problem


@pytest.mark.parametrize("name", ["none", "nano:none", "none:head", ""])
def test_names_that_nobody_knows_are_told(name: str) -> None:
    with pytest.raises(PresetUnknown, match=r"nano|head"):
        inventory([name])


def test_every_bundled_preset_names_licences_and_digests_and_is_free_to_use() -> None:
    items = inventory()
    assert {item.preset for item in items} >= {"nano", "base", "large", "sam2", "huge"}
    for item in items:
        assert item.weights.permissive, item
        assert item.weights.size
        assert len(item.sha256) == 64
    unpinned = [
        (item.preset, file.name) for item in items for file in item.weights.files
        if not file.sha256
    ]  # fmt: skip
    assert unpinned == [("sam2", "config.json")]
