"""Photos in a bucket: indexed as those of a folder are, and never lost by what a store does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Self

import pytest
from bucket import NAME, busy, cut_short, denied, refusing

import indexer.workers.pool
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.workers import store_patience
from indexer.workers.indexing_task import IndexingTask
from indexer.workers.pipeline import Outcome
from model.errors import PruneRefused, RootMissing, RootUnreachable
from model.stores import failures
from model.task import Ask

if TYPE_CHECKING:
    from bucket import Bucket

ROOT = f"s3://{NAME}/photos"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def photos(tmp_path: Path, painted: ModuleType) -> dict[str, bytes]:
    """Contents by name."""
    return {
        f"{number}.png": painted.paint(tmp_path / "made" / f"{number}.png", number).read_bytes()
        for number in range(4)
    }


@pytest.fixture
def filled(bucket: Bucket, photos: dict[str, bytes]) -> Bucket:
    for name, content in photos.items():
        bucket.put(f"photos/{name}", content)
    bucket.requests.clear()
    return bucket


class HerePool:
    """Looks at photos in this process, which starts sooner than one of its own."""

    given_up, jobs, at_once = 0, 1, 1

    def __init__(self, task: IndexingTask, *_: object, answer: Ask, **__: object) -> None:
        self._look = task.load(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def do(self, items: Iterable[str], *, ahead: int | None = None) -> Iterator[Outcome]:
        for path in items:
            yield from self._look([path])


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.workers.pool, "WorkerPool", HerePool)


def without_files(contents: dict[bytes, tuple]) -> dict[bytes, tuple]:
    return {digest: told[1:] for digest, told in contents.items()}


def paths(index: Path) -> list[str]:
    with SqliteCatalog.open(index, readonly=True) as catalog:
        return [known.stamp.path for known in catalog.files() if known.photo_id is not None]


def test_a_bucket_is_indexed_as_a_folder_is(
    filled: Bucket, index: Path, tmp_path: Path, painted: ModuleType
) -> None:
    filled.do(busy, "GET /museum/photos/0.png", times=2)
    filled.do(cut_short, "GET /museum/photos/1.png")
    report = painted.run(index, ROOT)
    assert (report.added, report.skipped) == (4, [])
    assert filled.asked("GET /museum/photos/2.png") == 1  # read once
    painted.run(tmp_path / "other", tmp_path / "made")
    ours, theirs = painted.contents(index), painted.contents(tmp_path / "other")
    assert without_files(ours) == without_files(theirs)
    assert painted.answers(index) == painted.answers(tmp_path / "other")
    with SqliteCatalog.open(index, readonly=True) as catalog:
        assert catalog.roots() == [ROOT]
    filled.requests.clear()
    again = painted.run(index, ROOT)
    assert (again.added, again.unchanged, again.missing) == (0, 4, 0)
    assert filled.asked("/museum/photos/") == 0  # no object was asked for


@pytest.mark.usefixtures("here")
def test_what_changed_moved_and_went_is_told_by_its_stamp_and_pixels(
    filled: Bucket, photos: dict[str, bytes], index: Path, tmp_path: Path, painted: ModuleType
) -> None:
    painted.run(index, ROOT)
    filled.put("photos/0.png", painted.paint(tmp_path / "new.png", 9).read_bytes())
    filled.put("photos/moved.png", photos["1.png"])
    filled.delete("photos/1.png")
    filled.delete("photos/2.png")
    report = painted.run(index, ROOT)
    assert (report.added, report.recognised, report.unchanged, report.missing) == (1, 1, 1, 1)
    assert paths(index) == [f"{ROOT}/{n}.png" for n in (0, 2, 3, "moved")]
    report = painted.run(index, ROOT, prune=True)
    assert report.removed == 1
    assert paths(index) == [f"{ROOT}/{n}.png" for n in (0, 3, "moved")]


@pytest.mark.usefixtures("here")
def test_a_photo_on_a_disk_is_known_again_in_a_bucket(
    filled: Bucket, index: Path, tmp_path: Path, painted: ModuleType
) -> None:
    assert painted.run(index, tmp_path / "made").added == 4
    report = painted.run(index, ROOT)
    assert (report.added, report.recognised) == (0, 4)
    with SqliteCatalog.open(index, readonly=True) as catalog:
        assert (catalog.counts().photos, catalog.counts().files) == (4, 8)


@pytest.mark.usefixtures("here")
def test_a_bucket_that_is_gone_or_away_changes_nothing(
    filled: Bucket, index: Path, painted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "LONGEST_WAIT", 0.02)
    painted.run(index, ROOT)
    before = painted.contents(index)
    bold = {"prune": True, "force": True}
    for deed, told in (
        (busy, "does not answer"),
        (denied, "may not be read"),
        (refusing("403 Forbidden", "InvalidAccessKeyId"), "renew the credentials"),
    ):
        filled.do(deed, "list-type=2", times=100)
        with pytest.raises(RootUnreachable, match=told):
            painted.run(index, ROOT, **bold)
        filled.go_well()
    assert painted.contents(index) == before
    filled.drop()
    with pytest.raises(RootMissing, match="there is no bucket museum"):
        painted.run(index, ROOT, **bold)
    filled.make()
    assert len(paths(index)) == 4


@pytest.mark.usefixtures("here")
def test_a_prefix_that_lost_all_is_pruned_only_by_force(
    filled: Bucket, index: Path, painted: ModuleType
) -> None:
    painted.run(index, ROOT)
    filled.empty()
    with pytest.raises(RootMissing, match="nothing is called"):
        painted.run(index, ROOT, prune=True)
    filled.put("photos/notes.txt", b"nothing else is left")
    with pytest.raises(PruneRefused, match="lost all of its photos"):
        painted.run(index, ROOT, prune=True)
    filled.empty()
    assert painted.run(index, ROOT, prune=True, force=True).removed == 4


@pytest.mark.usefixtures("here")
def test_a_photo_that_cannot_be_read_is_skipped_with_its_reason(
    filled: Bucket, photos: dict[str, bytes], index: Path, painted: ModuleType
) -> None:
    filled.put("photos/broken.png", photos["0.png"][:100])
    filled.put("photos/empty.png", b"")
    filled.do(denied, "GET /museum/photos/3.png", times=100)
    report = painted.run(index, ROOT)
    kinds = {Path(path).name: kind for path, kind, _ in report.skipped}
    assert kinds == {
        "broken.png": "PhotoUnreadable",
        "empty.png": "PhotoUnreadable",
        "3.png": "StoreRefuses",
    }
    assert report.added == 3
    filled.go_well()
    again = painted.run(index, ROOT)
    assert (again.added, again.skipped_before) == (1, 2)


@pytest.mark.usefixtures("here")
def test_what_a_store_did_not_hand_out_is_asked_for_by_the_next_run(
    filled: Bucket, index: Path, painted: ModuleType
) -> None:
    filled.do(cut_short, "GET /museum/photos/3.png", times=100)
    report = painted.run(index, ROOT)
    assert [kind for _, kind, _ in report.skipped] == ["StoreAway"]
    filled.go_well()
    again = painted.run(index, ROOT)
    assert (again.added, again.skipped) == (1, [])


@pytest.mark.usefixtures("here")
def test_a_store_that_goes_away_ends_the_run_and_the_next_goes_on(
    filled: Bucket, index: Path, painted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_patience, "MOST_IN_A_ROW", 2)
    for name in ("1.png", "2.png"):
        filled.do(denied, f"GET /museum/photos/{name}", times=100)
    with pytest.raises(RootUnreachable, match=r"2 photos in a row .* from s3://museum .*stays"):
        painted.run(index, ROOT)
    assert paths(index) == [f"{ROOT}/0.png"]
    filled.go_well()
    report = painted.run(index, ROOT)
    assert (report.added, report.unchanged) == (3, 1)


@pytest.mark.usefixtures("here")
def test_credentials_are_kept_nowhere(filled: Bucket, index: Path, painted: ModuleType) -> None:
    report = painted.run(index, ROOT)
    assert "open-sesame" not in json.dumps(report.to_dict())
    for path in index.rglob("*"):
        assert path.is_dir() or b"open-sesame" not in path.read_bytes()
