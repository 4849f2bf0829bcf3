"""Whatever a file is called, it is found, named in JSON, and exported."""

import json
import os
import shutil
from pathlib import Path

from command_line import Run
from PIL import Image

NAMES = [
    b"line\nbreak.png",
    "🦊 on 雪.png".encode(),
    b"latin-\xe9.png",
    b"\xff\xfe.png",
    b"'\";--.png",
    b"n" * 251 + b".png",  # as long as a name can be
    "é".encode() * 125 + b"x.png",
]


def test_any_name_goes_through_the_whole_chain(run: Run, photos: Path, tmp_path: Path) -> None:
    folder, index = tmp_path / "odd", tmp_path / "index"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        copy = shutil.copy(photos / "red.png", folder / os.fsdecode(name))
        with Image.open(copy) as picture:  # one pixel apart: another photo that looks the same
            picture.putpixel((number, 0), (250, 250, 250))
            picture.save(copy)
    (folder / os.fsdecode(b"bro\nken\xff.png")).write_bytes(b"no")
    first = run("index", folder, "--index", index, "--preset", "colours", "-j", 1, "--json", "-q")
    assert first.code == 3
    assert first.err.count("\n") == 1
    assert "bro\\nken\\udcff.png" in first.err
    (skipped,) = json.loads(first.out)["skipped"]
    assert os.fsencode(skipped["path"]) == os.fsencode(folder / os.fsdecode(b"bro\nken\xff.png"))
    found = set()
    for name in NAMES:
        glob = os.fsdecode(name).translate({ord("["): "[[]", ord("*"): "[*]"})
        done = run("search", "red", "--index", index, "--in", glob, "--json", "-k", 1)
        (match,) = json.loads(done.out)["matches"]
        found.add(os.fsencode(Path(match["photo"]).name))
    assert found == set(NAMES)
    assert len(run("search", "red", "--index", index).out.splitlines()) < 20
    done = run("status", "--index", index, "--json")
    assert os.fsencode(json.loads(done.out)["skipped"][0]["path"]).endswith(b"bro\nken\xff.png")
    exported = tmp_path / "exported"
    assert run("export", "--all", "--index", index, "-o", exported, "-f", "coco").code == 0
    images = json.loads((exported / "annotations.json").read_text())["images"]
    assert len(images) == len(NAMES)


def test_of_a_photo_with_several_files_the_one_that_is_asked_for_is_shown(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    folder, index = tmp_path / "twins", tmp_path / "index"
    for name in ("a/first.png", "b/second.png"):
        (folder / name).parent.mkdir(parents=True)
        shutil.copy(photos / "red.png", folder / name)
    run("index", folder, "--index", index, "--preset", "colours", "-j", 1)
    for name in ("a/first.png", "b/second.png"):
        done = run("search", "red", "--index", index, "--in", f"{name[0]}/", "--json", "-k", 1)
        (match,) = json.loads(done.out)["matches"]
        assert match["photo"] == str(folder / name)
