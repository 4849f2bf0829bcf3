import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from model.errors import StorageError
from model.weights.user_folders import expand_home, user_folder

NOBODY = "54321"  # no passwd entry
UNKNOWN = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "env", "-i"]


def test_a_variable_comes_before_the_system_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SEGSEARCH_X", "~/here")
    assert user_folder("cache", "SEGSEARCH_X") == tmp_path / "here"
    monkeypatch.delenv("SEGSEARCH_X")
    assert user_folder("data", "SEGSEARCH_X").is_absolute()


def test_a_home_that_nobody_has_stays_as_it_is_written() -> None:
    assert expand_home("~nouser/x") == Path("~nouser/x")


def test_no_home_is_told_with_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in [name for name in os.environ if name in ("HOME", "SEGSEARCH_X") or "XDG" in name]:
        monkeypatch.delenv(name)
    with pytest.raises(StorageError, match="set SEGSEARCH_X to a folder"):
        user_folder("cache", "SEGSEARCH_X")


@pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run([*UNKNOWN, "true"], capture_output=True).returncode != 0,
    reason="no user namespaces here",
)
def test_a_user_whom_nobody_knows_can_use_every_verb(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); from cli.main import main; main()"
    )
    for verb, needs in (
        (["status"], "SEGSEARCH_DATA"),
        (["search", "red"], "SEGSEARCH_DATA"),
        (["doctor"], "SEGSEARCH_DATA"),
        (["doctor", "--index", str(tmp_path / "none")], ""),
        (["models", "list"], "SEGSEARCH_MODELS"),
        (["models", "verify"], ""),
        (["models", "path"], "SEGSEARCH_MODELS"),
        (["models", "pull", "base", "--offline"], "SEGSEARCH_MODELS"),
        (["index", str(tmp_path), "--index", str(tmp_path / "own")], ""),
        (["search", "red", "--index", str(tmp_path / "own")], ""),
    ):
        done = subprocess.run(
            [*UNKNOWN, sys.executable, "-c", code, ":".join(filter(None, sys.path)), *verb],
            cwd=tmp_path,
            capture_output=True, text=True,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, (verb, done.stderr)
        if needs:
            assert done.returncode == 1, (verb, done.stderr)
            assert needs in done.stderr.splitlines()[-1]
        else:
            assert done.returncode in (0, 1), (verb, done.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own"]
