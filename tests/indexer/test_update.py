import os
import shutil
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.scan.plan import Plan
from indexer.update import Options, Progress, update
from indexer.workers.pipeline import Outcome
from model.errors import PresetMismatch, PruneRefused, RootMissing, StorageError
from model.photos.images import content_hash
from model.presets.preset import Preset, load_preset


class Watcher(Progress):
    """Counts what it is told, and may do something between the plan and the first photo."""

    def __init__(self, before: Any = lambda: None) -> None:
        self.plans: list[tuple[int, float, int]] = []
        self.outcomes: list[Outcome] = []
        self._before = before

    def planned(self, plan: Plan, seconds: float, jobs: int) -> None:
        self.plans.append((len(plan.look), seconds, jobs))
        self._before()

    def advanced(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture
def photos(tmp_path: Path, painted: ModuleType) -> Path:
    folder = tmp_path / "photos"
    for number in range(4):
        painted.paint(folder / f"{number}.png", number)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def indexed(index: Path, photos: Path, painted: ModuleType) -> Path:
    assert painted.run(index, photos).added == 4
    return index


def skipped_names(report: Any) -> list[tuple[str, str]]:
    return sorted((Path(path).name, kind) for path, kind, _ in report.skipped)


def test_a_second_run_touches_nothing(index: Path, photos: Path, painted: ModuleType) -> None:
    watcher = Watcher()
    first = painted.run(index, photos, progress=watcher)
    assert str(first) == "4 added"
    assert first.segments == sum(len(ids) for ids in painted.segment_ids(index).values()) > 8
    assert len(watcher.outcomes) == 4
    before = {path.name: path.stat().st_mtime_ns for path in index.iterdir()}
    with SqliteCatalog.open(index, readonly=True) as catalog:
        generation = catalog.generation
    again = painted.run(index, photos, progress=watcher)
    assert str(again) == "0 added, 4 unchanged"
    assert again.segments == 0
    assert len(watcher.outcomes) == 4
    after = {path.name: path.stat().st_mtime_ns for path in index.iterdir()}
    for name in ("catalog.sqlite", "vectors.faiss"):
        assert before[name] == after[name]
    with SqliteCatalog.open(index, readonly=True) as catalog:
        assert catalog.generation == generation
    assert [plan[0] for plan in watcher.plans] == [4, 0]
    assert 0 < watcher.plans[0][1] < 60
    assert watcher.plans[1][1] == 0


def test_the_estimate_learns_from_the_index(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    for number in range(10, 14):
        painted.paint(photos / f"{number}.png", number)
    watcher = Watcher()
    painted.run(indexed, photos, progress=watcher, dry_run=True, jobs=2)
    with SqliteCatalog.open(indexed, readonly=True) as catalog:
        expected = 4 * catalog.seconds_per_photo() / 2
    assert watcher.plans == [(4, pytest.approx(expected), 2)]


def test_new_content_under_an_old_name_takes_its_place(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    before = painted.segment_ids(indexed)
    painted.paint(photos / "2.png", 99)
    report = painted.run(indexed, photos)
    assert str(report) == "1 added, 3 unchanged"
    after = painted.segment_ids(indexed)
    assert not set(before.pop("2.png")) & set(after.pop("2.png"))
    assert before == after
    assert set(painted.contents(indexed)) == {content_hash(p) for p in photos.iterdir()}


def test_a_touched_file_is_hashed_and_kept(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    before = painted.segment_ids(indexed)
    os.utime(photos / "1.png", ns=(5, 5))
    assert str(painted.run(indexed, photos)) == "0 added, 1 recognised, 3 unchanged"
    assert str(painted.run(indexed, photos)) == "0 added, 4 unchanged"
    assert painted.segment_ids(indexed) == before


def test_a_moved_file_keeps_its_segments(indexed: Path, photos: Path, painted: ModuleType) -> None:
    before = painted.segment_ids(indexed)
    (photos / "deep").mkdir()
    (photos / "1.png").rename(photos / "deep" / "one.png")
    report = painted.run(indexed, photos)
    assert str(report) == "0 added, 1 recognised, 3 unchanged"
    assert report.missing == 0
    after = painted.segment_ids(indexed)
    assert after.pop("one.png") == before.pop("1.png")
    assert after == before


def test_names_that_are_exchanged_keep_their_segments(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    before = painted.segment_ids(indexed)
    for old, new in (("3", "new"), ("2", "3"), ("1", "2"), ("0", "1"), ("new", "0")):
        (photos / f"{old}.png").rename(photos / f"{new}.png")
    for number in range(4):  # rename tools do not, but it shows that time is not what decides
        os.utime(photos / f"{number}.png")
    painted.run(indexed, photos)
    after = painted.segment_ids(indexed)
    assert after == {f"{(number + 1) % 4}.png": before[f"{number}.png"] for number in range(4)}


def test_copies_are_one_photo(index: Path, photos: Path, painted: ModuleType) -> None:
    shutil.copy(photos / "0.png", photos / "twin.png")
    first = painted.run(index, photos)
    assert str(first) == "4 added, 1 recognised"
    shutil.copy(photos / "0.png", photos / "later.png")
    assert str(painted.run(index, photos)) == "0 added, 1 recognised, 5 unchanged"
    held = painted.contents(index)
    names = [Path(path).name for path in held[content_hash(photos / "0.png")][0]]
    assert names == ["0.png", "later.png", "twin.png"]
    (photos / "0.png").unlink()
    assert painted.run(index, photos, prune=True).removed == 1
    assert len(painted.contents(index)) == 4


def test_what_is_gone_is_told_and_forgotten_only_on_demand(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    (photos / "3.png").unlink()
    kept = painted.run(indexed, photos)
    assert (kept.missing, kept.removed) == (1, 0)
    assert "3.png" in painted.segment_ids(indexed)
    rehearsed = painted.run(indexed, photos, prune=True, dry_run=True)
    assert (rehearsed.removed, str(rehearsed)) == (
        1, "0 added, 3 unchanged, 1 removed (dry run: nothing was written)",
    )  # fmt: skip
    assert "3.png" in painted.segment_ids(indexed)
    pruned = painted.run(indexed, photos, prune=True)
    assert (pruned.missing, pruned.removed) == (0, 1)
    assert set(painted.segment_ids(indexed)) == {"0.png", "1.png", "2.png"}
    assert len(painted.answers(indexed)) == sum(map(len, painted.segment_ids(indexed).values()))


def test_a_folder_that_is_gone_changes_nothing(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    photos.rename(photos.with_name("unmounted"))
    for options in ({}, {"prune": True}, {"force": True}):
        with pytest.raises(RootMissing, match="is not there"):
            painted.run(indexed, photos, **options)
    assert len(painted.segment_ids(indexed)) == 4
    assert painted.run(indexed, photos, prune=True, force=True).removed == 4
    assert painted.segment_ids(indexed) == {}
    assert painted.answers(indexed) == []


def test_a_missing_folder_makes_no_index(index: Path, tmp_path: Path, painted: ModuleType) -> None:
    with pytest.raises(RootMissing):
        painted.run(index, tmp_path / "nowhere")
    assert not index.exists()


@pytest.mark.parametrize("root", ["", "nul\0byte"])
def test_what_is_no_path_is_no_folder(index: Path, root: str, painted: ModuleType) -> None:
    with pytest.raises(RootMissing):
        painted.run(index, root, prune=True, force=True)
    assert not index.exists()


def test_pruning_more_than_half_is_refused(index: Path, photos: Path, painted: ModuleType) -> None:
    for number in range(20, 45):
        painted.paint(photos / "drive" / f"{number}.png", number)
    painted.run(index, photos)
    shutil.rmtree(photos / "drive")
    with pytest.raises(PruneRefused, match=r"25 of 29 files are gone.*`force=True`"):
        painted.run(index, photos, prune=True)
    assert len(painted.segment_ids(index)) == 29
    assert painted.run(index, photos).missing == 25
    assert painted.run(index, photos, prune=True, force=True).removed == 25
    assert len(painted.segment_ids(index)) == 4


def test_a_dry_run_writes_nothing_at_all(index: Path, photos: Path, painted: ModuleType) -> None:
    shutil.copy(photos / "0.png", photos / "twin.png")
    report = painted.run(index, photos, dry_run=True)
    assert (report.added, report.recognised) == (4, 1)
    assert not index.exists()
    painted.run(index, photos)
    painted.paint(photos / "5.png", 5)
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in index.iterdir()}
    assert painted.run(index, photos, dry_run=True).added == 1
    after = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in index.iterdir()}
    # reading a catalog in WAL mode leaves its shared memory beside it
    assert {n: s for n, s in after.items() if n in before} == before


def test_skipped_photos_are_remembered_and_told_again(
    index: Path, photos: Path, painted: ModuleType
) -> None:
    (photos / "cut.png").write_bytes((photos / "0.png").read_bytes()[:90])
    (photos / "empty.png").touch()
    (photos / "letter.jpg").write_text("Dear Sir or Madam")
    (photos / "film.mp4").touch()
    painted.paint(photos / "large.png", 7, scale=4)
    watcher = Watcher()
    first = painted.run(index, photos, max_megapixels=0.02, progress=watcher)
    expected = [
        ("cut.png", "PhotoUnreadable"),
        ("empty.png", "PhotoUnreadable"),
        ("large.png", "PhotoTooLarge"),
        ("letter.jpg", "PhotoUnsupported"),
    ]
    assert skipped_names(first) == expected
    assert str(first) == "4 added, 4 skipped, 1 unsupported"
    assert all(Path(path).name in reason for path, _, reason in first.skipped)
    again = painted.run(index, photos, max_megapixels=0.02, progress=watcher)
    assert skipped_names(again) == expected
    assert [plan[0] for plan in watcher.plans] == [8, 0]  # no worker was even started
    with SqliteCatalog.open(index, readonly=True) as catalog:
        assert [(Path(s.path).name, s.kind) for s in catalog.skipped()] == expected
    larger = painted.run(index, photos, max_megapixels=0.2, progress=watcher)
    assert (larger.added, len(larger.skipped)) == (1, 3)
    painted.run(index, photos, retry=True, progress=watcher)
    assert watcher.plans[-1][0] == 3
    painted.paint(photos / "cut.png", 50)  # mended
    assert skipped_names(painted.run(index, photos)) == [expected[1], expected[3]]


def test_a_photo_that_becomes_unreadable_is_forgotten(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    (photos / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n, they said")
    assert skipped_names(painted.run(indexed, photos)) == [("2.png", "PhotoUnreadable")]
    assert set(painted.segment_ids(indexed)) == {"0.png", "1.png", "3.png"}


def test_a_folder_that_cannot_be_listed_keeps_its_photos(
    index: Path, photos: Path, painted: ModuleType
) -> None:
    painted.paint(photos / "loop" / "7.png", 7)
    painted.run(index, photos)
    shutil.rmtree(photos / "loop")
    (photos / "loop").symlink_to(photos / "loop")
    report = painted.run(index, photos, prune=True)
    assert [(kind, reason) for _, kind, reason in report.skipped] == [
        (
            "PhotoUnreachable",
            f"{photos / 'loop'} cannot be read (Too many levels of symbolic links)",
        )
    ]
    assert (report.removed, report.missing) == (0, 0)
    assert "7.png" in painted.segment_ids(index)


def test_what_happens_between_plan_and_worker_is_noticed(
    index: Path, photos: Path, painted: ModuleType
) -> None:
    for copy in ("0b.png", "0c.png", "1b.png"):
        shutil.copy(photos / f"{copy[0]}.png", photos / copy)

    def meddle() -> None:
        (photos / "0.png").unlink()
        painted.paint(photos / "1.png", 60)
        painted.paint(photos / "2.png", 61)
        (photos / "3.png").write_bytes(b"overwritten")

    watcher = Watcher(meddle)
    report = painted.run(index, photos, progress=watcher)
    assert skipped_names(report) == [("0.png", "PhotoChanged"), ("3.png", "PhotoUnsupported")]
    assert (report.added, report.recognised) == (4, 1)  # old 0, old 1, 60 and 61
    (photos / "3.png").unlink()
    painted.run(index, photos, prune=True)
    assert set(painted.contents(index)) == {content_hash(p) for p in photos.iterdir()}
    assert painted.run(index, photos).missing == 0  # 0.png was never remembered


def test_any_name_goes_through(index: Path, tmp_path: Path, painted: ModuleType) -> None:
    folder = tmp_path / "names"
    names = [
        b"line\nbreak.png",
        "🦊.png".encode(),
        b"latin-\xe9.png",
        b"\xff\xfe.png",
        b"'\";--.png",
    ]
    for number, name in enumerate(names):
        painted.paint(folder / os.fsdecode(name), number)
    (folder / os.fsdecode(b"bro\nken\xff.png")).write_bytes(b"no")
    report = painted.run(index, folder)
    assert report.added == 5
    assert "\n" not in report.skipped[0][2]
    assert {os.fsencode(name) for name in painted.segment_ids(index)} == set(names)
    again = painted.run(index, folder)
    assert (again.unchanged, len(again.skipped)) == (5, 1)


def test_workers_make_no_difference(tmp_path: Path, photos: Path, painted: ModuleType) -> None:
    for number in range(10, 22):
        painted.paint(photos / f"{number}.png", number)
    for jobs in (1, 2):
        painted.run(tmp_path / f"{jobs}", photos, jobs=jobs)
    assert painted.contents(tmp_path / "1") == painted.contents(tmp_path / "2")
    assert painted.answers(tmp_path / "1") == painted.answers(tmp_path / "2")


def test_an_index_of_nothing_answers_nothing(
    index: Path, tmp_path: Path, painted: ModuleType
) -> None:
    (tmp_path / "bare").mkdir()
    assert str(painted.run(index, tmp_path / "bare")) == "0 added"
    assert painted.answers(index) == []
    assert painted.contents(index) == {}


def test_another_preset_is_refused_with_the_way_out(
    indexed: Path, photos: Path, painted: ModuleType, tmp_path: Path
) -> None:
    from indexer.update import update

    text = load_preset("colours").source.read_text()
    text = text.replace("image_side = 256", "image_side = 128", 1)
    (tmp_path / "side.toml").write_text(text)
    (tmp_path / "mine.toml").write_text(text.replace('name = "colours"', 'name = "mine"', 1))
    with pytest.raises(PresetMismatch, match=r"preset 'colours', not 'mine'.*`preset=colours`"):
        update(indexed, [photos], load_preset(str(tmp_path / "mine.toml")))
    with pytest.raises(PresetMismatch, match="other weights or settings of preset 'colours'"):
        update(indexed, [photos], load_preset(str(tmp_path / "side.toml")))
    assert len(painted.contents(indexed)) == 4


def test_a_preset_of_ones_own_is_found_again(
    index: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.update import Options, update

    own = tmp_path / "presets" / "mine.toml"  # a folder called as the bundled one
    own.parent.mkdir()
    text = load_preset("colours").source.read_text()
    own.write_text(text.replace('name = "colours"', 'name = "mine"', 1))
    monkeypatch.chdir(own.parent)
    assert update(index, [photos], load_preset("mine.toml"), Options(jobs=1)).added == 4
    with SqliteCatalog.open(index, readonly=True) as catalog:
        assert catalog.manifest.settings["source"] == str(own)


def test_photos_looked_at_together_make_the_same_index(
    indexed: Path, photos: Path, painted: ModuleType, tmp_path: Path
) -> None:
    from indexer.update import Options, update

    text = load_preset("colours").source.read_text()
    (tmp_path / "colours.toml").write_text("photos_at_once = 5\n" + text)
    together = load_preset(str(tmp_path / "colours.toml"))
    assert update(tmp_path / "other", [photos], together, Options(jobs=1)).added == 4
    assert painted.contents(tmp_path / "other") == painted.contents(indexed)


@pytest.mark.parametrize(
    ("gpus", "told", "together"), [((), "", 1), ((8e10,), "", 4), ((8e10,), "2", 2)]
)
def test_workers_on_a_gpu_look_at_some_photos_together(
    index: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gpus: Any,
    told: Any,
    together: Any,
) -> None:
    from indexer import update as updating
    from indexer.workers import pool
    from indexer.workers.local_pool import WorkerPool

    seen: list[int] = []

    class Seen(WorkerPool):
        def __init__(self, *args: Any, **settings: Any) -> None:
            seen.append(settings["together"])
            super().__init__(*args, **settings)

    monkeypatch.setattr(pool, "WorkerPool", Seen)
    monkeypatch.setattr(pool, "gpu_memories", lambda: gpus)
    monkeypatch.setattr(Preset, "uses_gpu", True)
    text = load_preset("colours").source.read_text()
    (tmp_path / "own.toml").write_text((f"photos_at_once = {told}\n" if told else "") + text)
    preset = load_preset(str(tmp_path / "own.toml"))
    assert updating.update(index, [photos], preset, updating.Options(jobs=1)).added == 4
    assert seen == [together]


def test_vectors_without_a_catalog_are_not_trusted(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    cache = (indexed / "vectors.faiss").read_bytes()
    shutil.rmtree(indexed)
    indexed.mkdir()
    (indexed / "vectors.faiss").write_bytes(cache)
    for number in range(4):  # as many changes of the catalog as before, by other photos
        painted.paint(photos / f"{number}.png", 70 + number)
    assert painted.run(indexed, photos).added == 4
    scores = Counter(round(score) for score, *_ in painted.answers(indexed))
    fresh = indexed.with_name("fresh")
    painted.run(fresh, photos)
    assert scores == Counter(round(score) for score, *_ in painted.answers(fresh))
    assert painted.answers(indexed) == painted.answers(fresh)


def test_a_place_where_no_index_can_be_is_one_line(
    photos: Path, tmp_path: Path, painted: ModuleType
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot be made \(Not a directory\): name another"):
        painted.run(tmp_path / "file" / "index", photos)


def test_edited_metadata_keep_segments_and_are_not_looked_at(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    before = painted.segment_ids(indexed)
    with Image.open(photos / "1.png") as picture:
        exif = Image.Exif()
        exif[0x4746], exif[272] = 5, "Lomo"
        picture.save(photos / "1.png", exif=exif)
        picture.save(photos / "copy.png", compress_level=1)
    report = painted.run(indexed, photos)
    assert (report.added, report.recognised, report.segments) == (0, 2, 0)
    after = painted.segment_ids(indexed)
    assert after.pop("copy.png") == before["1.png"]
    assert after == before
    with SqliteCatalog.open(indexed, readonly=True) as catalog:
        [known] = catalog.files(str(photos / "1.png"))
        assert known.photo_id is not None
        assert catalog.photos([known.photo_id])[known.photo_id].camera == "Lomo"
        assert catalog.check(full=True) == []
    assert painted.run(indexed, photos).unchanged == 5


def test_what_is_edited_and_renamed_has_moved(
    indexed: Path, photos: Path, painted: ModuleType
) -> None:
    before = painted.segment_ids(indexed)
    with Image.open(photos / "1.png") as picture:
        picture.save(photos / "one.png", compress_level=1)
    (photos / "1.png").unlink()
    report = painted.run(indexed, photos)
    assert (report.recognised, report.missing) == (1, 0)
    after = painted.segment_ids(indexed)
    assert after.pop("one.png") == before.pop("1.png")
    assert after == before


@pytest.mark.parametrize("mtime", [(1 << 63) + 5, -(1 << 34) * 10**9, 2**33 * 10**9])
def test_a_time_beyond_all_reason_ends_no_run(
    indexed: Path, photos: Path, painted: ModuleType, mtime: Any
) -> None:
    try:
        os.utime(photos / "1.png", ns=(0, mtime))
    except OSError:
        pytest.skip("this disk holds no such time")
    assert painted.run(indexed, photos).recognised == 1
    assert painted.run(indexed, photos).unchanged == 4


def test_a_picture_of_a_few_pixels_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (4, 4), "red").save(tmp_path / "photos" / "dot.png")
    first, again = (
        update(tmp_path / "index", [tmp_path / "photos"], load_preset("colours"), Options(jobs=1))
        for _ in range(2)
    )
    assert len(first.newly_skipped) == 1
    assert (again.newly_skipped, again.skipped_before) == ([], 1)
