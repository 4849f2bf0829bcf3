from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from searchengine import SearchEngine


@pytest.fixture
def own(indexed: Path, tmp_path: Path) -> SearchEngine:
    return SearchEngine.open(shutil.copytree(indexed, tmp_path / "index"))


def test_a_question_is_remembered_with_its_examples(own: SearchEngine) -> None:
    red = own.search("red", k=1)
    assert own.history.remember(red) == ""
    assert own.history.remember(own.similar(red[0], k=1)) == ""
    last, first = own.history.all()
    assert (first.question.words, last.question.words) == ("red", "")
    assert len(last.question.examples) == 1
    assert first.to_dict()["said"] == "red"
    assert own.history.all(1)[0].id == last.id
    assert own.history.clear() == 2
    assert own.history.all() == []


def test_it_can_be_off(own: SearchEngine) -> None:
    own.history.turn(False)
    assert not own.history.on
    own.history.remember(own.search("red", k=1))
    assert own.history.all() == []
    own.history.turn(True)
    assert own.history.on


def test_python_alone_remembers_nothing(own: SearchEngine) -> None:
    own.search("red")
    assert not (own.folder / "user.sqlite").exists()


def test_what_cannot_be_remembered_is_a_line_and_no_error(own: SearchEngine) -> None:
    matches = own.search("red", k=1)
    (own.folder / "user.sqlite").write_bytes(b"no database" * 1000)
    line = own.history.remember(matches)
    assert line.startswith("not put into the history:")
    assert "doctor --fix" in line
