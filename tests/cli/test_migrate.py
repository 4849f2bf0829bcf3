"""`segsearch migrate` copies an index, tells what it did, and finds the same afterwards."""

import json
from pathlib import Path

from command_line import Run


def test_an_index_is_migrated_and_exported_alike(run: Run, photos: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    assert run("index", photos, "--index", old, "--preset", "colours", "--quiet").code == 3
    planned = run("migrate", old, new, "--dry-run", "--quiet")
    assert (planned.code, planned.err) == (0, "")
    assert planned.out.startswith("3 photos would be copied, ")
    assert not new.exists()
    done = run("migrate", old, new)
    assert done.err == "3 of 3 photos\n"
    assert done.out == planned.out.replace("would be copied", "copied")
    again = json.loads(run("migrate", old, new, "--json", "--quiet").out)
    assert (again["copied"], again["there"], again["others"]) == (0, 3, 0)
    exports = []
    for index in (old, new):
        out = tmp_path / f"{index.name}.export"
        assert run("export", "--all", "-o", out, "--index", index, "-f", "coco").code == 0
        exports.append(json.loads((out / "annotations.json").read_text())["annotations"])
    assert exports[0] == exports[1]
    missing = run("migrate", tmp_path / "none", new)
    assert (missing.code, missing.err.count("\n")) == (1, 1)
