import json
import os
from pathlib import Path

from command_line import Run


def test_what_is_there_twice_is_shown(run: Run, photos: Path, tmp_path: Path) -> None:
    folder, index = tmp_path / "photos", tmp_path / "index"
    folder.mkdir()
    for name in ("red.png", "again\n.png"):
        (folder / name).write_bytes((photos / "red.png").read_bytes())
    (folder / "blue.png").write_bytes((photos / "blue.png").read_bytes())
    run("index", folder, "--index", index, "--preset", "colours", "-q")
    done = run("duplicates", "--index", index)
    assert (done.code, done.err) == (0, "1 group of photos that look the same\n")
    assert [line.split()[0] for line in done.out.splitlines()] == ["1", "1"]
    assert done.out.count("best") == 1
    (group,) = json.loads(run("duplicates", "--json", "--index", index).out)["groups"]
    (photo,) = group["photos"]
    assert len(photo["files"]) == 2
    other = run("duplicates", "--others", "-0", "--index", index).out
    assert other.endswith("\0")
    assert os.path.exists(other[:-1])  # noqa: PTH110
    assert other[:-1] != group["best"]
    assert run("duplicates", "-0", "--index", index).code == 2
    assert run("duplicates", "--others", "--json", "--index", index).code == 2
    assert run("duplicates", "--index", tmp_path / "none").code == 1
