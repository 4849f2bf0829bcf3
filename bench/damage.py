"""Random damages of an index, and what every verb makes of them.

    python bench/damage.py 200 [--seed 0] [--only field|byte|header|page|cache]

Each damage is one to a copy of a small index: a value of a row, a byte of the catalog, of its
header or of the cache, or a page. Then `search`, `export`, `status`, `doctor`, a dry run of `index`
and `doctor --fix` run in processes of their own. Demanded is the right answer, or one line: no
traceback, no hang, no signal; and after `doctor --fix` and `index` an index that is well, or a
line that says that it cannot be mended.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1]))

from cli import main

LOADED = (
    "cli.export", "cli.index", "cli.maintenance", "cli.search", "searchengine.engine", "torch",
    "searchengine.doctor", "searchengine.export.coco", "searchengine.status", "indexer.update",
    "model.segmenters.classical.colour_regions", "indexer.vectors.faiss_store", "faiss",
)  # fmt: skip
"""What a verb would import, imported once before the forks."""
CATALOG, CACHE = "catalog.sqlite", "vectors.faiss"
SECONDS = 60
COLOURS = ("red", "blue", "green", "yellow")
VALUES: tuple[Any, ...] = (
    0, -1, 1, 2**40, 2**63 - 1, -(2**63), 1.5, float("inf"), "", "text", "é", b"", b"\0" * 16,
    b"\xff" * 40, None,
)  # fmt: skip
TEXTS = ("", "x", "-3", "9" * 5000, "[" * 9999, "7")
KINDS = ("field", "byte", "header", "page", "cache", "row", "manifest")


def painted(folder: Path) -> Path:
    """Eight photos of coloured shapes."""
    folder.mkdir()
    for number in range(8):
        picture = Image.new("RGB", (300, 220), (128, 128, 128))
        draw = ImageDraw.Draw(picture)
        corners = [20 + number * 9, 20, 130 + number * 5, 150 - number * 5]
        draw.rectangle(corners, fill=COLOURS[number % 4])
        draw.ellipse([150, 60 + number * 3, 260, 180], fill="purple")
        picture.save(folder / f"{number}.png")
    return folder


def run(*arguments: object) -> tuple[int | str, str, str]:
    """Exit code, or "hang" or the signal, and what was written to stdout and stderr.

    The verb runs in a fork of this process, which has everything imported and nothing running.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = ["segsearch", *map(str, arguments)]
            code: object = 70
            try:
                main.main()
            except SystemExit as ended:
                code = ended.code or 0
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 70)
        ended = _waited(child)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return ended, texts[0], texts[1]


def _waited(child: int) -> int | str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else f"signal {-code}"
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"


def answer(index: Path) -> tuple[int | str, Any, str]:
    """Exit code of a search, its matches without ids, and stderr."""
    code, out, err = run("search", "red", "--index", index, "-k", 50, "--json")
    if code not in (0, 3):
        return code, None, err
    found = json.loads(out)["matches"]
    return (
        code,
        sorted((m["photo"], round(m["score"], 3), m["bbox"], m["area"]) for m in found),
        err,
    )


def set_field(catalog: Path, chance: random.Random) -> str:
    with sqlite3.connect(catalog) as database:
        tables = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        table = chance.choice(tables)
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        column, value = chance.choice(columns), chance.choice(VALUES)
        key = columns[0]
        rows = database.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
        if not rows:
            return "nothing"
        row = chance.choice(rows)
        if type(row[1]) is int and chance.random() < 0.3:
            value = row[1] + chance.choice((-1, 1))
        if type(row[1]) is bytes and row[1] and chance.random() < 0.6:
            harmed = bytearray(row[1])
            harmed[chance.randrange(len(harmed))] ^= 1 << chance.randrange(8)
            value = bytes(harmed)
        database.execute("PRAGMA ignore_check_constraints = ON")
        try:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {key} IS ?", (value, row[0]))
        except sqlite3.Error as error:
            return f"nothing ({error})"
    return f"{table}.{column} of {row[0]!r} set to {value!r}"


def drop_rows(catalog: Path, chance: random.Random) -> str:
    with sqlite3.connect(catalog) as database:
        tables = ("photos", "segments", "vectors", "photo_vectors", "files", "revisions",
                  "sqlite_sequence", "roots")  # fmt: skip
        table = chance.choice(tables)
        if chance.random() < 0.5:
            database.execute(f"DELETE FROM {table}")
            return f"{table} emptied"
        key = database.execute(f"PRAGMA table_info({table})").fetchone()[1]
        keys = [row[0] for row in database.execute(f"SELECT {key} FROM {table}")]
        gone = chance.choice(keys) if keys else None
        database.execute(f"DELETE FROM {table} WHERE {key} IS ?", (gone,))
    return f"row {gone!r} of {table} dropped"


def harm_manifest(catalog: Path, chance: random.Random) -> str:
    with sqlite3.connect(catalog) as database:
        if chance.random() < 0.3:
            database.execute("DELETE FROM manifest")
            return "manifest emptied"
        keys = [row[0] for row in database.execute("SELECT key FROM manifest")]
        key, value = (
            chance.choice(keys),
            chance.choice(("", "x", "-3", "9" * 5000, "[" * 9999, "7")),
        )
        database.execute("UPDATE manifest SET value = ? WHERE key = ?", (value, key))
    return f"manifest's {key} set to {value[:20]!r}"


def harm_bytes(file: Path, first: int, last: int, chance: random.Random, length: int = 1) -> str:
    data = bytearray(file.read_bytes())
    place = chance.randrange(first, min(last, len(data)))
    if length > 1:
        place -= place % length
        data[place : place + length] = chance.choice((bytes(length), b"\xaa" * length))
    else:
        data[place] = chance.choice((data[place] ^ (1 << chance.randrange(8)), 0, 255))
    file.write_bytes(data)
    return f"{length} bytes at {place} of {file.name}"


def harm(index: Path, kind: str, chance: random.Random) -> str:
    """Do one damage; says what."""
    catalog = index / CATALOG
    if kind == "field":
        return set_field(catalog, chance)
    if kind == "row":
        return drop_rows(catalog, chance)
    if kind == "manifest":
        return harm_manifest(catalog, chance)
    if kind == "header":
        return harm_bytes(catalog, 0, 110, chance)
    if kind == "page":
        return harm_bytes(catalog, 0, 1 << 60, chance, 4096)
    return harm_bytes(index / (CACHE if kind == "cache" else CATALOG), 0, 1 << 60, chance)


def faults(index: Path, photos: Path, expected: Any, place: Path) -> list[str]:
    """What is wrong with what the verbs make of a damaged index."""
    wrong: list[str] = []

    def judged(name: str, code: int | str, err: str, *, lines: bool = True) -> None:
        if code not in (0, 1, 3) or "Traceback" in err:
            wrong.append(f"{name}: {code} {err.strip()[-600:]}")
        elif lines and code == 1 and sum(x.startswith("segsearch:") for x in err.splitlines()) != 1:
            wrong.append(f"{name}: not one line: {err.strip()[-300:]}")

    code, found, err = answer(index)
    judged("search", code, err)
    told = code == 1 or not found or found == expected
    checked, out, err = run("doctor", "--index", index)
    judged("doctor", checked, err, lines=False)
    if not told and checked == 0:
        wrong.append(f"search: another answer, and doctor says {out.splitlines()[-1:]}")
    if code == 1 and checked == 0:
        wrong.append("search refuses, and doctor sees nothing")
    for name, words in (
        ("status", ("status",)),
        ("export", ("export", "--all", "-o", place / "out", "-f", "coco", "--overwrite")),
        ("dry run", ("index", photos, "--dry-run")),
        ("doctor --fix", ("doctor", "--fix")),
    ):
        code, out, err = run(*words, "--index", index)
        judged(name, code, err, lines=not name.startswith("doctor"))
    if code == 0:
        code, found, err = answer(index)
        if code != 0 or found != expected:  # what was dropped is made anew
            code, out, err = run("index", photos, "--index", index, "-q")
            judged("index after --fix", code, err)
            code, found, err = answer(index)
        if code != 0 or found != expected:
            wrong.append(f"after --fix: {code}, the same answer: {found == expected} {err[-300:]}")
        code, out, err = run("doctor", "--index", index)
        if code != 0:
            wrong.append(f"doctor after --fix and index: {out[-400:]}")
    elif "--index" not in out and "index the photos again" not in out:
        wrong.append(f"doctor --fix gives up without a way out: {out[-300:]}")
    return wrong


def damage() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("damages", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS)
    asked = parser.parse_args()
    for name in LOADED:
        importlib.import_module(name)
    with TemporaryDirectory(prefix="damage-") as folder:
        place = Path(folder)
        photos, template = painted(place / "photos"), place / "template"
        run("index", photos, "--index", template, "--preset", "colours", "-q")
        expected = answer(template)[1]
        bad = 0
        for number in range(asked.seed, asked.seed + asked.damages):
            chance = random.Random(number)
            kind = asked.only or chance.choice(KINDS)
            index = place / "index"
            shutil.rmtree(index, ignore_errors=True)
            shutil.copytree(template, index)
            what = harm(index, kind, chance)
            found = faults(index, photos, expected, place)
            bad += bool(found)
            print(f"{'FAULT' if found else 'ok'} {number} {what}", *found, sep="\n    ", flush=True)
        print(f"{bad} of {asked.damages} damages ended badly")
    sys.exit(bool(bad))


if __name__ == "__main__":
    damage()
