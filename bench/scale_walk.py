"""docs/scale.md typed as it stands, with a server out of a wheel and a Ray of this machine.

    python bench/scale_walk.py PHOTOS [--photos 12] [--preset colours]

Every line of its shell blocks that names `segsearch` is run in a folder of its own, one after
another, in the order in which they stand: the folder of photos, the servers' addresses and CORPUS
are put in; `--ray auto` and `head.example` mean a head that is started here. Before the
second line an indexing is killed (-9) when it has stored some photos, and the next one goes on.
In the end the index that came back from the database is compared with the folder's.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "toys"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from postgres_server import own_server

from indexer.backends import open_catalog
from indexer.catalog.catalog import Catalog
from indexer.location import index_folder
from model.masks import rle
from model.photos.images import read_header

HOME = Path(__file__).parents[1]
URI = "postgresql+pgvector://museum@db.example/photos?schema=archive"
KILLED_AFTER = 3  # photos
RAY_HEAD = """
import sys
from indexer.workers.ray_cluster import joined_cluster
with joined_cluster("local"):
    import ray
    print(ray.get_runtime_context().gcs_address, flush=True)
    sys.stdin.read()
"""


def lines_of(page: Path) -> list[str]:
    """Lines of a page's shell blocks that call segsearch, without what is said beside them."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("segsearch ")]


class Walk:
    """Types lines in a folder.

    Args:
        folder: folder to type them in.
        put: what is put in the place of what.
    """

    def __init__(self, folder: Path, put: dict[str, str]) -> None:
        self.folder, self._put = folder, put
        self._bin = Path(sys.executable).with_name("segsearch")

    def command(self, line: str) -> list[str]:
        """The command of a line."""
        for before, after in self._put.items():
            line = line.replace(before, after)
        return [str(self._bin), *shlex.split(line)[1:]]

    def type(self, line: str) -> None:
        """Run a line and tell how it went; what fails ends the walk."""
        began = time.perf_counter()
        done = subprocess.run(
            self.command(line), cwd=self.folder, capture_output=True, text=True, check=False
        )
        last = (done.stdout.strip().splitlines() or [""])[-1]
        print(
            f"{done.returncode} in {time.perf_counter() - began:5.1f} s: {line}\n      {last}",
            flush=True,
        )
        if done.returncode:
            sys.exit(done.stderr)

    def kill(self, line: str, index: Path) -> None:
        """Start a line, and kill it with its workers once some photos are stored."""
        process = subprocess.Popen(
            self.command(line), cwd=self.folder, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while stored(index) < KILLED_AFTER and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        print(f"killed ({process.wait()}) with {stored(index)} photos stored: {line}", flush=True)


def stored(index: Path) -> int:
    """Photos of an index; 0 where there is none yet."""
    try:
        with open_catalog(index, readonly=True) as catalog:
            return catalog.counts().photos
    except Exception:  # it is being made
        return 0


def contents(catalog: Catalog) -> dict[bytes, object]:
    """Masks and vectors by content."""
    return {
        row.content_hash: (
            [segment.counts for segment in catalog.segments_of(row.id)],
            catalog.vectors_of([s.id for s in catalog.segments_of(row.id)]).tobytes(),
        )
        for row in catalog.photos(catalog.photo_ids().tolist()).values()
    }


def photos_with_captions(source: Path, count: int, folder: Path) -> Path:
    """A folder of so many photos, each with a sentence beside it, as `curate` wants them."""
    photos = folder / "photos"
    photos.mkdir()
    for file in sorted(source.glob("*.[jp][pn]g"))[:count]:
        shutil.copy(file, photos / file.name)
        (photos / file.with_suffix(".txt").name).write_text("a thing in front of a wall")
    return photos


def corpus(photos: Path, folder: Path) -> Path:
    """A corpus of three of the photos, the middle of each an outlined region."""
    images = folder / "corpus" / "some" / "images"
    images.mkdir(parents=True)
    lines = []
    for file in sorted(photos.glob("*.[jp][pn]g"))[:3]:
        shutil.copy(file, images / file.name)
        height, width = read_header(file).size
        mask = np.zeros((1, height, width), np.bool_)
        mask[:, height // 4 : height // 2, width // 4 : width // 2] = True
        counts = rle.encode(mask)[0].decode("ascii")
        region = {"segmentation": {"size": [height, width], "counts": counts}}
        region |= {"phrases": ["thing"], "kind": "object", "bbox": [0, 0, 1, 1]}
        photo = {"file": file.name, "height": height, "width": width, "split": "val"}
        lines.append(json.dumps(photo | {"captions": [], "regions": [region]}))
    (images.parent / "annotations.jsonl").write_text("\n".join(lines))
    return folder / "corpus"


@contextmanager
def ray_head() -> Iterator[str]:
    """Address of a Ray cluster that goes with the context."""
    with subprocess.Popen(
        [sys.executable, "-c", RAY_HEAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--preset", default="nano")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["SEGSEARCH_DATA"] = str(folder / "data")
        server = stack.enter_context(own_server())
        uri = server.uri("archive")
        (folder / "segsearch.toml").write_text(f'preset = "{asked.preset}"\n')
        (folder / "curate.toml").write_text(
            f'boxes = {{engine = "preset", preset = "{asked.preset}"}}\n'
            f'masks = {{preset = "{asked.preset}"}}\n'
        )
        photos = photos_with_captions(asked.folder, asked.photos, folder)
        put = {
            f"'{URI}'": shlex.quote(uri), "'postgresql+pgvector://…'": shlex.quote(uri),
            " /photos": f" {shlex.quote(str(photos))}", "CORPUS": str(corpus(photos, folder)),
        }  # fmt: skip
        if asked.preset != "nano":
            put["-o PAIRS"] = "-o PAIRS --config curate.toml"
            put["evaluate masks"] = f"evaluate masks --preset {asked.preset}"
        lines = lines_of(HOME / "docs" / "scale.md")
        if any("--ray auto" in line for line in lines):
            address = stack.enter_context(ray_head())
            put["head.example:6379"] = address
            os.environ |= {"RAY_ADDRESS": address, "RAY_AUTH_MODE": "token"}
        walk = Walk(folder, put)
        walk.kill(lines[0], index_folder(uri))
        for line in lines:
            if "museum.index" in line and not (folder / "museum.index").exists():
                walk.type("segsearch index /photos --index museum.index")
            walk.type(line)
        held = []
        for index in (folder / "museum.index", index_folder(uri), folder / "back.index"):
            with open_catalog(index, readonly=True) as catalog:
                held.append(contents(catalog))
        assert held[0] == held[1] == held[2]
        print(f"{len(held[0])} photos, their masks and vectors the same in all three indexes")


if __name__ == "__main__":
    main()
