"""Questions one after the other, by one engine."""

import io
import sys
from pathlib import Path

import pytest
from command_line import Done, Run

from searchengine import SearchEngine


@pytest.fixture
def typed(run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """`typed("red", ":quit")`: what the shell prints for these lines."""

    def typed(*lines: str) -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
        return run("shell", "--index", indexed)

    return typed


def test_each_line_is_answered_as_search_does(typed, run: Run, indexed: Path) -> None:  # type: ignore[no-untyped-def]
    one, other = (run("search", words, "--index", indexed) for words in ("red", "purple giraffe"))
    done = typed("red", "", "purple giraffe")
    assert done == Done(0, one.out + other.out, one.err + other.err)


def test_it_goes_on_from_the_last_answer(  # type: ignore[no-untyped-def]
    typed, run: Run, indexed: Path, tmp_path: Path
) -> None:
    with SearchEngine.open(indexed) as engine:
        best = engine.search("red")[0].segment_id
    alike = run("similar", "--segment", best, "-k", 2, "--index", indexed)
    sheet = tmp_path / "found it.png"
    done = typed("red", ":where -k 2", ":similar 1", f":sheet {sheet}", ":quit", "blue")
    assert done.code == 0
    assert done.out.endswith(alike.out)
    assert done.err == f"drawn: {sheet}\n"
    assert sheet.exists()


def test_conditions_stay_until_others_are_given(typed, photos: Path) -> None:  # type: ignore[no-untyped-def]
    done = typed(":where --in 'b*.png' -k 1", "red", "grey", ":where", "red")
    first, second, *last = [
        line.split()[-1] for line in done.out.splitlines() if not line.startswith("rank")
    ]
    assert (first, second, last[0]) == tuple(
        str(photos / name) for name in ("blue.png", "blue.png", "red.png")
    )
    assert len(last) > 1


@pytest.mark.parametrize(
    "line",
    [
        *(":nonsense", ":similar", ":similar 99", ":similar x", ":sheet a.png", ":where 'open"),
        *(":where -k 0", ":where --nonsense", ":where words", ":where --not x:y", "red\n:sheet ."),
    ],
)
def test_what_cannot_be_done_is_a_line_and_the_next_is_answered(typed, line: str) -> None:  # type: ignore[no-untyped-def]
    done = typed(*line.split("\n"), "blue")
    assert done.code == 0
    assert done.err
    assert "Traceback" not in done.err
    assert "blue.png" in done.out


def test_help_lists_the_commands(typed) -> None:  # type: ignore[no-untyped-def]
    done = typed(":help")
    for command in (":similar", ":sheet", ":where", ":quit"):
        assert command in done.out


def test_without_an_index_nothing_is_asked(run: Run, tmp_path: Path) -> None:
    done = run("shell", "--index", tmp_path / "none")
    assert (done.code, done.err.count("\n")) == (1, 1)
