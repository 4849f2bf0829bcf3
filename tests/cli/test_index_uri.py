"""An index that is named by a URI, as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run

pytest.importorskip("psycopg")


@pytest.mark.usefixtures("postgres_server")
def test_verbs_take_a_uri(
    run: Run,
    postgres_uri: str,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = run("search", "red", "--index", postgres_uri)
    assert (missing.code, missing.out) == (1, "")
    assert missing.err.startswith(f"segsearch: there is no index in {postgres_uri}: make one with")
    done = run("index", photos, "--index", postgres_uri, "--preset", "colours", "--jobs", 1, "-q")
    assert done.code == 3, done.err
    assert done.out == "3 added, 1 skipped, 1 unsupported\n"
    monkeypatch.chdir(tmp_path)
    Path("segsearch.toml").write_text(f'index = "{postgres_uri}"\n')
    assert "red.png" in run("search", "red", "-k", 1).out
    assert f"database  {postgres_uri}" in run("status").out
    monkeypatch.setenv("SEGSEARCH_INDEX", postgres_uri)
    assert run("status", "--json").code == 0
    wrong = postgres_uri.replace("postgres@", "guarded:sesame@")
    refused = run("status", "--index", wrong)
    assert refused.code == 1
    assert "PGPASSWORD" in refused.err
    assert "sesame" not in refused.err + refused.out
    assert run("status", "--index", "postgresql+pgvector://host").code == 2
