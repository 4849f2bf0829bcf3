from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.user_data.user_data import LONGEST_NAME, MOST_HISTORY, UserData
from indexer.user_data.user_database import FILE_NAME
from model.errors import (
    IndexMissing,
    IndexTooNew,
    NameTaken,
    NameUnknown,
    QueryError,
    StorageError,
    UserDataDamaged,
)

DOORS = {"words": "red door"}
NOTHING_SEEN: dict[str, object] = {}


@pytest.fixture
def kept(tmp_path: Path) -> UserData:
    return UserData(tmp_path)


def written(kept: UserData) -> UserData:
    """User data with a search, five questions and a judgement."""
    kept.save_search("doors", DOORS, {"photo": 3})
    for number in range(5):
        kept.remember({"words": f"question {number}"})
    kept.judge("cranes", [("a", {"right": True})])
    return kept


def test_nothing_is_made_by_who_reads(kept: UserData, tmp_path: Path) -> None:
    assert (kept.searches(), kept.history(), kept.judgements()) == ([], [], [])
    assert kept.remembers()
    assert kept.forget_history() == 0
    assert kept.check() == kept.repair() == []
    assert not list(tmp_path.iterdir())


def test_a_search_is_kept_under_its_name(kept: UserData) -> None:
    kept.save_search("doors", DOORS, {"photo": 3})
    kept.save_search("arches", {"words": "arch"}, NOTHING_SEEN)
    assert [each.name for each in kept.searches()] == ["arches", "doors"]
    assert (kept.search("doors").record, kept.search("doors").seen) == (DOORS, {"photo": 3})
    made = kept.search("doors").created_at
    kept.see_search("doors", {"photo": 9})
    assert (kept.search("doors").seen, kept.search("doors").created_at) == ({"photo": 9}, made)
    with pytest.raises(NameTaken, match="'doors' already"):
        kept.save_search("doors", {}, NOTHING_SEEN)
    assert kept.search("doors").record == DOORS
    kept.save_search("doors", {"words": "blue door"}, NOTHING_SEEN, overwrite=True)
    assert kept.search("doors").record == {"words": "blue door"}
    kept.forget_search("doors")
    kept.see_search("doors", {"photo": 12})
    for deed in (kept.search, kept.forget_search):
        with pytest.raises(NameUnknown, match="no saved search 'doors'"):
            deed("doors")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a ", "a/b", "\x1b[1m", "\ud800", "x" * 999])
def test_what_is_no_name_is_refused(kept: UserData, name: str) -> None:
    with pytest.raises(QueryError):
        kept.save_search(name, DOORS, NOTHING_SEEN)
    with pytest.raises(QueryError):
        kept.judge(name, [("a", {})])
    with pytest.raises(NameUnknown):
        kept.search(name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    name=st.text(
        st.characters(categories=["L", "N", "P", "S"], exclude_characters="/"),
        min_size=1,
        max_size=LONGEST_NAME,
    ),
    words=st.text(),
)
def test_any_name_and_text_come_back(kept: UserData, name: str, words: str) -> None:
    kept.save_search(name, {"words": words}, NOTHING_SEEN, overwrite=True)
    assert kept.search(name).record == {"words": words}


def test_the_history_holds_the_last_thousand_the_last_first(kept: UserData, tmp_path: Path) -> None:
    kept.remember({"words": "first"})
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
        file.execute("UPDATE sqlite_sequence SET seq = 7 WHERE name = 'history'")
        file.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
            " INSERT INTO history SELECT i, 'now', '{}', 0 FROM n"
        )
    assert kept.remember({"words": "last"})
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file:
        counted = file.execute("SELECT count(*), min(id), max(id) FROM history").fetchone()
    assert counted == (MOST_HISTORY, 1501 - MOST_HISTORY + 1, 1501)
    (last,) = kept.history(1)
    assert (last.id, last.record) == (1501, {"words": "last"})


def test_the_same_question_again_is_one_entry(kept: UserData) -> None:
    for words in ("a", "b", "b", "a"):
        kept.remember({"words": words})
    assert [asked.record["words"] for asked in kept.history()] == ["a", "b", "a"]


def test_the_history_can_be_off(kept: UserData) -> None:
    kept.remember({"words": "before"})
    kept.let_remember(False)
    assert not kept.remember({"words": "meanwhile"})
    assert not kept.remembers()
    kept.let_remember(True)
    kept.remember({"words": "after"})
    assert [asked.record["words"] for asked in kept.history()] == ["after", "before"]


def test_of_what_is_wiped_no_byte_is_left(kept: UserData, tmp_path: Path) -> None:
    kept.save_search("doors", DOORS, NOTHING_SEEN)
    for number in range(50):
        kept.remember({"words": f"ein Geheimnis {number}"})
    assert kept.forget_history() == 50
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Geheimnis" not in left
    assert b"red door" in left
    assert kept.history() == []


def test_judgements_are_kept_by_name_the_later_one_of_an_item(kept: UserData) -> None:
    kept.judge("cranes", [("a", {"right": True}), ("b", {"right": True})])
    kept.judge("cranes", [("a", {"right": False})])
    kept.judge("doors", [("a", {"right": True})])
    assert [(each.item, each.record["right"]) for each in kept.judgements("cranes")] == [
        ("b", True),
        ("a", False),
    ]
    assert len(kept.judgements()) == 3
    assert kept.forget_judgements("cranes") == 2
    for deed in (kept.judgements, kept.forget_judgements):
        with pytest.raises(NameUnknown, match="'cranes'"):
            deed("cranes")


def test_without_an_index_folder_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        UserData(tmp_path / "none").remember(DOORS)
    assert not (tmp_path / "none").exists()


def test_two_processes_write_at_once(kept: UserData, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from indexer.user_data.user_data import UserData\n"
        "kept = UserData(Path(sys.argv[1]))\n"
        "for n in range(10): kept.remember({'words': f'{sys.argv[2]} {n}'})\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), who]) for who in ("a", "b")
    ]
    assert [process.wait() for process in running] == [0, 0]
    assert {asked.record["words"] for asked in kept.history()} == {
        f"{who} {number}" for who in ("a", "b") for number in range(10)
    }


def test_the_writers_lock_holds_nobody_up(kept: UserData, tmp_path: Path) -> None:
    from indexer.lock import WriterLock

    with WriterLock(tmp_path):
        assert kept.remember(DOORS)


def test_a_row_that_was_changed_is_told_and_kept_apart(kept: UserData, tmp_path: Path) -> None:
    written(kept)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
        file.execute("UPDATE history SET record = '{}' WHERE id = 2")
    assert [each.name for each in kept.searches()] == ["doors"]
    with pytest.raises(UserDataDamaged, match="doctor --fix"):
        kept.history()
    assert len(kept.check()) == 1
    (line,) = kept.repair()
    assert "4 of 'history'" in line
    assert kept.check() == []
    assert [asked.record["words"][-1] for asked in kept.history()] == list("4320")
    assert (tmp_path / "damaged" / FILE_NAME).exists()


@pytest.mark.parametrize("damage", ["noise", "cut", "header", "pages", "foreign", "empty"])
def test_a_damaged_file_is_one_line_and_nothing_is_lost(
    kept: UserData, tmp_path: Path, damage: str
) -> None:
    written(kept)
    path = tmp_path / FILE_NAME
    body = path.read_bytes()
    harmed = {
        "noise": b"not a database" * 500,
        "cut": body[: len(body) // 2],
        "header": bytes(60) + body[60:],
        "pages": body[:4096] + bytes(4096) + body[8192:],
        "foreign": body,
        "empty": b"\0" * 10,
    }[damage]
    path.write_bytes(harmed)
    if damage == "foreign":
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("PRAGMA application_id = 7")
    told = []
    for deed in (kept.searches, kept.history, lambda: kept.remember(DOORS)):
        try:
            deed()
        except StorageError as error:
            told.append(str(error))
    assert told or damage == "pages"
    assert all("\n" not in line and "segsearch doctor --fix" in line for line in told)
    assert kept.check()
    left = path.read_bytes()  # who writes beside a damaged page may succeed
    kept.repair()
    assert kept.check() == []
    assert (tmp_path / "damaged" / FILE_NAME).read_bytes() == left
    if damage in ("header", "foreign"):
        assert kept.search("doors").record == DOORS
        assert len(kept.history()) == 5
    kept.remember({"words": "goes on"})
    path.write_bytes(b"again")
    kept.repair()
    assert len(list((tmp_path / "damaged").glob(f"*{FILE_NAME}"))) == 2


def test_a_newer_file_is_left_alone(kept: UserData, tmp_path: Path) -> None:
    written(kept)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(IndexTooNew, match="99"):
        kept.history()


AS_NOBODY = """
import os, sys
from pathlib import Path
from indexer.user_data.user_data import UserData
from model.errors import SegsearchError
UserData(Path(sys.argv[2])).remember({})
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
kept = UserData(Path(sys.argv[1]))
print(len(kept.history()), [each.name for each in kept.searches()])
try:
    kept.remember({"words": "more"})
except SegsearchError as error:
    print(type(error).__name__)
"""


def test_a_read_only_folder_is_read_and_not_written(kept: UserData, tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place) / "index"
        folder.mkdir()
        written(UserData(folder))
        (folder / FILE_NAME).chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(folder), str(tmp_path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        folder.chmod(0o755)
    assert done.stdout.splitlines() == ["5 ['doors']", "IndexReadOnly"]


FULL = """
import resource, signal, sys
from pathlib import Path
from indexer.user_data.user_data import UserData
from model.errors import SegsearchError
kept = UserData(Path(sys.argv[1]))
kept.remember({"words": "first"})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    kept.remember({"words": "x" * 1_000_000})
except SegsearchError as error:
    print(type(error).__name__)
print([asked.record["words"] for asked in kept.history()])
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="limits of file sizes are POSIX's")
def test_a_disk_that_is_full_loses_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    told, left = done.stdout.splitlines()
    assert told in ("StorageFull", "StorageError")
    assert left == "['first']"
