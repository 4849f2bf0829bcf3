import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Run

from cli.output import counted
from cli.progress.indexing import Bar
from indexer.catalog.records import FileStamp
from indexer.report import Report
from indexer.scan.plan import Plan
from indexer.workers.pipeline import Outcome


def test_an_index_run_tells_what_it_did(
    run: Run, golden: Callable[[str, str], None], photos: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    first = run("index", photos, "--index", index, "--preset", "colours", "-j", 1)
    assert first.code == 3  # one photo was skipped
    golden("index.out", first.out)
    golden("index.err", first.err)
    again = run("index", photos, "--index", index, "--json", "--quiet")
    assert again.code == 0  # which was told then, and nothing new
    report = json.loads(again.out)
    assert report["skipped_before"] == 1
    assert again.err.startswith("1 photo skipped before, and unchanged")
    assert run("index", photos, "--index", index, "--quiet", "--retry").code == 3
    assert (report["added"], report["unchanged"]) == (0, 3)
    assert [Path(s["path"]).name for s in report["skipped"]] == ["broken.png"]
    assert report["unsupported"] == {".svg": 1}


def test_a_dry_run_writes_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    done = run("index", photos, "--index", index, "--preset", "colours", "--dry-run")
    assert done.out == "4 added, 1 unsupported (dry run: nothing was written)\n"
    assert not index.exists()


def test_a_folder_that_is_missing_is_one_line(run: Run, tmp_path: Path) -> None:
    done = run("index", tmp_path / "gone", "--index", tmp_path / "index")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "gone" in done.err


def test_an_unknown_preset_is_one_line(run: Run, photos: Path, tmp_path: Path) -> None:
    done = run("index", photos, "--index", tmp_path / "index", "--preset", "telepathy")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "nano" in done.err


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("segmenter.sied = 64", "[segmenter] has no setting 'sied': it may have kind, side, "),
        ("embedder.side = 'wide'", "[embedder] side is 'wide': give a whole number of 8 or more\n"),
        ("segmenter.min_area = 2", "[segmenter] min_area is 2: give a number from 0 to 1\n"),
        ("image_side = 0", "image_side is 0: give a whole number of 32 or more\n"),
        (
            "segmenter.kind = 'sam'\nsegmenter.device = 'tpu'",
            "give auto, cpu, mps, cuda, or cuda:0",
        ),
        (
            "weights.x.files = [{name = 'a', bytes = 1}]",
            "[[weights.x.files]] has no setting 'bytes'",
        ),
        ("weights.x.files = [{size = 1}]", "[[weights.x.files]] does not say name: give a text"),
        ("weights.x.files = ['a']", "[weights.x.files] is 'a': write [[weights.x.files]]"),
        ("weights.clip.sha = 'x'", "[weights.clip] has no setting 'sha': it may have source, "),
    ],
)
def test_a_setting_that_is_wrong_is_one_line_with_what_is_allowed(
    said: str, told: str, run: Run, photos: Path, tmp_path: Path
) -> None:
    preset, index = tmp_path / "own.toml", tmp_path / "index"
    preset.write_text(f"extends = 'colours'\n{said}")
    done = run("index", photos, "--index", index, "--preset", preset)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"segsearch: {preset}: ")
    assert told in done.err
    assert done.err.count("\n") == 1
    assert not index.exists()


def test_the_index_can_be_named_by_the_environment(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGSEARCH_INDEX", str(tmp_path / "named"))
    assert run("index", photos, "--preset", "colours", "-q").code == 3
    assert (tmp_path / "named" / "catalog.sqlite").exists()
    assert run("status").out.startswith(f"index     {tmp_path / 'named'}")


def test_pruning_needs_the_folder_and_forgets_what_is_gone(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    folder, index = tmp_path / "photos", tmp_path / "index"
    folder.mkdir()
    for name in ("red.png", "blue.png"):
        (folder / name).write_bytes((photos / name).read_bytes())
    assert run("index", folder, "--index", index, "--preset", "colours", "-q").code == 0
    (folder / "red.png").unlink()
    kept = run("index", folder, "--index", index, "-q")
    assert "1 photo no longer in these folders; --prune forgets them" in kept.err
    assert run("index", folder, "--index", index, "-q", "--prune").out == (
        "0 added, 1 unchanged, 1 removed\n"
    )
    folder.rename(tmp_path / "elsewhere")
    assert run("index", folder, "--index", index, "-q", "--prune").code == 1
    assert json.loads(run("status", "--index", index, "--json").out)["photos"] == 1


def test_results_and_talk_go_separate_ways(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "index", str(photos), "--preset", "colours"]
    done = subprocess.run(
        [*command, "--index", str(tmp_path / "i"), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["added"] == 3
    assert "4 photos to look at: about" in done.stderr


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 photos"), (1, "1 photo"), (2, "2 photos"), (12345, "12,345 photos")]
)
def test_one_photo_is_no_photos(count: int, told: str) -> None:
    assert counted(count, "photo") == told


def test_while_files_are_compared_a_terminal_shows_how_many(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    shown = ""
    with Bar() as bar:
        bar.compared(1234, 5, 10)
        bar.compared(1235, 6, 10)  # too soon after the first to be shown
        while "found" not in shown:
            time.sleep(0.02)
            shown += capsys.readouterr().err
    assert "1,234 files found, comparing the content of 5 of 10" in shown
    assert "1,235" not in shown


def test_elsewhere_nothing_is_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    with Bar() as bar:
        bar.compared(1234, 5, 10)
    assert capsys.readouterr() == ("", "")


def test_where_there_is_no_terminal_it_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    plan = Plan(look=[FileStamp(f"/{number}.jpg", 1, 1) for number in range(4)])
    outcome = Outcome("/1.jpg")
    now = [0.0]
    monkeypatch.setattr("cli.progress.indexing.monotonic", lambda: now[0])
    with Bar(silence=60) as bar:
        for seconds, deed in (
            (70, lambda: bar.compared(1234, 5, 10)),
            (80, lambda: bar.compared(1240, 6, 10)),
            (100, lambda: bar.planned(plan, 300, 1)),
            (140, lambda: bar.advanced(outcome)),
            (150, lambda: bar.advanced(outcome)),
            (220, lambda: bar.advanced(outcome)),
            (290, lambda: bar.advanced(outcome)),
        ):
            now[0] = seconds
            deed()
    assert capsys.readouterr().err.splitlines() == [
        "1,234 files found, comparing the content of 5 of 10",
        "4 photos to look at: about 5 min with 1 worker",
        "1 of 4 photos, about 2 min left",
        "3 of 4 photos, about 40 s left",
    ]


@pytest.mark.parametrize("way", ["/", "//", "/.", "/usr/..", "link"])
def test_a_whole_machine_is_indexed_only_if_that_is_said(
    run: Run, photos: Path, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to("/")
    monkeypatch.chdir(tmp_path)
    with open(os.devnull) as nobody:  # noqa: PTH123
        monkeypatch.setattr("sys.stdin", nobody)
        refused = run("index", photos, way, "--index", tmp_path / "index", "--preset", "colours")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert not (tmp_path / "index").exists()


def test_with_yes_a_whole_machine_is_taken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(
        "searchengine.SearchEngine.index",
        lambda self, *roots, **options: asked.extend(roots) or Report(),
    )
    assert run("index", "/", "--yes", "--index", tmp_path / "index", "-q").code == 0
    assert asked == ["/"]


def test_a_cluster_that_is_away_is_one_line(run: Run, photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    done = run(
        "index",
        photos,
        "--index",
        tmp_path / "index",
        "--preset",
        "colours",
        "--ray",
        "127.0.0.1:1",
    )
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "leave --ray out" in done.err
