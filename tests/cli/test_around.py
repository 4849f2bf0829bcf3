"""Saved searches, history and judgements, as a person uses them."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Run
from PIL import Image, ImageDraw

Golden = Callable[[str, str], None]


@pytest.fixture
def own(indexed: Path, tmp_path: Path) -> Path:
    """A copy of the index, to be changed, without what other tests asked of it."""
    ignored = shutil.ignore_patterns("user.sqlite*")
    return Path(shutil.copytree(indexed, tmp_path / "index", ignore=ignored))


def told(text: str) -> str:
    """The text with its times as one."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", "TIME", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", text)
    return re.sub(r'"(catalog_id|revision|fingerprint|content_hash|pixel_digest)": "[0-9a-f]*"',
                  r'"\1": "…"', text)  # fmt: skip


def add_photo(run: Run, folder: Path, index: Path) -> None:
    """A new photo with something red."""
    folder.mkdir()
    picture = Image.new("RGB", (160, 120), (128, 128, 128))
    ImageDraw.Draw(picture).ellipse((40, 30, 120, 100), fill=(220, 20, 20))
    picture.save(folder / "later.png")
    assert run("index", folder, "--index", index, "-q", "--jobs", 1).code == 0


def test_a_search_is_saved_and_tells_what_is_new(
    run: Run, golden: Golden, own: Path, tmp_path: Path
) -> None:
    where = ("--index", own)
    added = run(
        "saved", "add", "red things", "red", "--not", "blue", "--min-confidence", "0.4", *where
    )
    assert (added.code, added.out) == (0, "")
    assert "saved 'red things': red, without blue" in added.err
    golden("saved-list.out", told(run("saved", "list", *where).out))
    golden("saved-list.json", told(run("saved", "list", *where, "--json").out))
    nothing = run("saved", "new", *where)
    assert (nothing.code, nothing.out) == (0, "")
    assert "red things: nothing in 0 new photos" in nothing.err
    add_photo(run, tmp_path / "more", own)
    peeked = json.loads(run("saved", "new", "--peek", *where, "--json").out)
    assert peeked["photos_added"] == 1
    new = run("saved", "new", "red things", *where)
    golden("saved-new.out", new.out.replace(str(own), "OWN"))
    assert "red things: 1 in 1 new photo" in new.err
    assert json.loads(run("saved", "new", *where, "--json").out)["matches"] == []
    ran = json.loads(run("saved", "run", "red things", *where, "--json").out)
    assert {Path(match["photo"]).name for match in ran["matches"]} == {"red.png", "later.png"}
    again = run("saved", "add", "red things", "green", *where)
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert run("saved", "rm", "red things", *where).code == 0
    gone = run("saved", "run", "red things", *where)
    assert (gone.code, gone.out) == (1, "")
    assert "segsearch saved list" in gone.err


def test_a_search_is_saved_by_search_and_by_example_and_carried_elsewhere(
    run: Run, own: Path, photos: Path, tmp_path: Path
) -> None:
    where = ("--index", own)
    assert run("search", "red", "--save", "reds", "--in", "r*", *where).code == 0
    for place in (["--at", "60,60"], []):
        example = ("--photo", photos / "red.png", *place, "--overwrite")
        added = run("saved", "add", "like it", *example, *where)
        assert added.code == 0, added.err
    assert "like red.png" in added.err
    exported = run("saved", "export", *where)
    assert exported.code == 0
    (tmp_path / "searches.jsonl").write_text(exported.out)
    assert run("saved", "rm", "reds", "like it", *where).code == 0
    command = ("saved", "import", tmp_path / "searches.jsonl", *where)
    assert run(*command).code == 0
    assert run("saved", "export", *where).out.count("\n") == 2
    assert run(*command).code == 1
    assert run(*command, "--overwrite").code == 0
    assert run("saved", "run", "like it", *where).code == 0
    (tmp_path / "searches.jsonl").write_text("nonsense\n")
    broken = run(*command)
    assert (broken.code, broken.err.count("\n")) == (2, 1)
    assert run("saved", "add", "nothing", *where).code == 2
    assert run("saved", "add", "x", "--at", "5,5", "red", *where).code == 2


def test_the_history_is_shown_turned_off_and_wiped(
    run: Run, golden: Golden, own: Path, photos: Path
) -> None:
    where = ("--index", own)
    assert "no question is remembered" in run("history", *where).err
    run("search", "red", "--not", "grey", "--in", "*.png", *where)
    run("similar", photos / "red.png", "--at", "60,60", *where)
    run("similar", photos / "red.png", *where)
    golden("history.out", told(run("history", *where).out))
    golden("history.json", told(run("history", "-n", 2, *where, "--json").out))
    assert "not remembered" in run("history", "--off", *where).err
    run("search", "green", *where)
    document = json.loads(run("history", *where, "--json").out)
    assert (document["on"], len(document["questions"])) == (False, 3)
    assert "forgot 3 questions" in run("history", "--clear", "--on", *where).err
    run("search", "blue", *where)
    assert run("history", *where).out.endswith("  blue\n")


def test_a_search_never_fails_for_its_history(run: Run, own: Path) -> None:
    (own / "user.sqlite").write_bytes(b"no database" * 1000)
    done = run("search", "red", "--index", own)
    assert done.code == 0
    assert done.out
    assert done.err.startswith("not put into the history: ")
    assert done.err.count("\n") == 1
    doctor = run("doctor", "--index", own)
    assert doctor.code == 1
    assert "user.sqlite is damaged" in doctor.out
    mended = run("doctor", "--fix", "--index", own)
    assert mended.code == 0, mended.out
    assert "damaged/user.sqlite" in mended.out
    assert run("search", "red", "--index", own).err == ""
    assert "1 questions" in run("doctor", "--index", own).out


def test_judgements_refine_a_search_and_are_kept(
    run: Run, golden: Golden, own: Path, tmp_path: Path
) -> None:
    where = ("--index", own)
    first = json.loads(run("search", "red", *where, "--json").out)["matches"]
    best, worst = first[0]["segment_id"], first[-1]["segment_id"]
    judged = run("search", "red", "--like", best, "--unlike", worst, *where, "--json")
    assert judged.code == 0
    left = {match["segment_id"] for match in json.loads(judged.out)["matches"]}
    assert not left & {best, worst}
    alone = run("search", "--like", best, *where, "--json")
    assert alone.code == 0
    kept = ("search", "red", "--feedback", "reds", *where, "--json")
    plain = run(*kept)
    assert json.loads(plain.out)["matches"][0]["segment_id"] == best
    assert run(*kept, "--like", best, "--unlike", worst).out == judged.out
    assert run(*kept).out == judged.out
    golden("feedback-list.out", run("feedback", "list", *where).out)
    golden("feedback-show.out", run("feedback", "show", "reds", *where).out)
    assert len(json.loads(run("feedback", "show", "reds", *where, "--json").out)["judgements"]) == 2
    assert json.loads(run("feedback", "list", *where, "--json").out)["feedback"][0]["right"] == 1
    pytest.importorskip("pyarrow")
    exported = run("feedback", "export", "reds", "-o", tmp_path / "pairs", *where)
    assert exported.code == 0, exported.err
    assert "1 pairs of 1 photos" in exported.out
    assert run("feedback", "rm", "reds", *where).code == 0
    assert run("feedback", "show", "reds", *where).code == 1
    assert run("search", "red", "--like", best, "--unlike", best, *where).code == 2
    lost = run("search", "red", "--like", 99999, *where)
    assert lost.code == 0
    assert "segment 99999 is not heeded" in lost.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "--batch", "x", "--like", 1),
        ("search", "--batch", "x", "--save", "y"),
        ("search", "red", "--like", "x"),
        ("saved", "add"),
        ("saved", "add", "x", "red", "--min-confidence", 7),
        ("saved", "rm"),
        ("feedback", "export", "x"),
    ],
)
def test_wrong_usage_ends_with_2(run: Run, indexed: Path, arguments: tuple[object, ...]) -> None:
    assert run(*arguments, "--index", indexed).code == 2


DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "around.md").read_text("utf-8")
COMMANDS = [
    shlex.split(line, comments=True)
    for block in re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def test_the_commands_of_the_document_work_as_they_stand(
    run: Run, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    Image.new("RGB", (600, 400), "red").save(tmp_path / "crane.jpg")
    shutil.copytree(own, tmp_path / "other.index")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGSEARCH_INDEX", str(own))
    assert len(COMMANDS) > 15
    for command in COMMANDS:
        assert command[0] == "segsearch"
        *words, file = command[1:] if ">" in command else [*command[1:], ""]
        done = run(*[word for word in words if word != ">"])
        assert done.code == 0, (command, done.err)
        if file:
            (tmp_path / file).write_text(done.out, "utf-8")
