"""Settings of files, of the environment and of options: which counts."""

import json
from pathlib import Path

import pytest
from command_line import Run

from cli.settings import NAME


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, two below one that may hold a file; without a user's own."""
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    monkeypatch.setattr("cli.settings.users_file", lambda: tmp_path / "own.toml")
    monkeypatch.delenv("SEGSEARCH_CONFIG", raising=False)
    return place


def settings(run: Run) -> dict[str, tuple[object, str | None]]:
    told = json.loads(run("config", "--json").out)["settings"]
    return {name: (each["value"], each["origin"]) for name, each in told.items()}


def test_a_file_is_heeded_and_an_option_counts_before_it(
    run: Run, indexed: Path, here: Path
) -> None:
    file = here.parent / NAME
    file.write_text(f"index = {str(indexed)!r}\ncount = 2\nmin_confidence = 0.0\n")
    assert len(run("search", "grey", "--no-collapse").out.splitlines()) == 3
    assert len(run("search", "grey", "--no-collapse", "-k", 1).out.splitlines()) == 2
    assert run("status").code == 0
    assert run("history").code == 0
    exported = run("export", "--all", "-o", here / "out", "-f", "coco")  # all of them
    assert exported.code == 0, exported.err
    assert settings(run)["count"] == (2, str(file))


def test_options_come_before_variables_and_those_before_files(
    run: Run, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.toml").write_text("language = 'fr'\nindex = 'mine'\njobs = 3\n")
    (here / NAME).write_text("language = 'it'\n")
    found = settings(run)
    assert found["language"] == ("it", str(here / NAME))
    assert found["index"] == (str(tmp_path / "mine"), str(tmp_path / "own.toml"))
    assert found["jobs"] == (3, str(tmp_path / "own.toml"))
    assert found["sort"] == ("relevance", None)
    monkeypatch.setenv("SEGSEARCH_LANGUAGE", "de")
    assert settings(run)["language"] == ("de", "SEGSEARCH_LANGUAGE")
    monkeypatch.setenv("SEGSEARCH_CONFIG", str(tmp_path / "own.toml"))
    monkeypatch.delenv("SEGSEARCH_LANGUAGE")
    assert settings(run)["language"] == ("fr", str(tmp_path / "own.toml"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour = 'red'", "there is no setting 'colour'"),
        ("count = 0", "count"),
        ("count = 'many'", "count"),
        ("sort = 'beauty'", "sort"),
        ("count =", "cannot be read"),
    ],
)
def test_what_a_file_cannot_set_is_told_with_its_name(
    run: Run, here: Path, text: str, told: str
) -> None:
    (here / NAME).write_text(text)
    for verb in ("config", "status"):
        done = run(verb)
        assert (done.code, done.out) == (2, "")
        words = " ".join(done.err.replace("│", " ").split())
        assert told in words
        assert NAME in words


def test_a_table_tells_where_each_comes_from(run: Run, here: Path) -> None:
    (here / NAME).write_text("per-photo = 3\n")
    done = run("config")
    assert done.code == 0
    (line,) = [each for each in done.out.splitlines() if each.startswith("per-photo")]
    assert line.split() == ["per-photo", "3", str(here / NAME)]
    assert "config" in done.err or "own.toml" in done.err
