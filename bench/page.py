"""The page in a real Chromium, on indexes of any size: how long a person waits.

    python bench/page.py [--segments 100000 1000000] [--json]

Indexes are made by `synthetic.py`, with thumbnails of the size that real ones have. Each figure is
of a page of 1,600 × 1,200 pixels, in milliseconds by the clock, beside its goal.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from figures import show
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from search import words
from synthetic import make_index

from indexer.catalog.records import Manifest
from indexer.catalog.sqlite.sqlite_catalog import SqliteCatalog
from indexer.thumbnails.store import Thumbnails
from model.presets.preset import load_preset

CHROMIUMS = ("chromium-headless-shell", "chromium", "google-chrome")
QUESTIONS = words()
SEARCHES, JUMPS, WARMING = 20, 50, 3
CLIENTS = 4
LOOKING = 0.7  # seconds between two questions, and two jumps
FIRST = {100_000: 300, 1_000_000: 500}  # ms to the first tile
STATIC = Path(__file__).parents[1] / "searchengine" / "web" / "static"

# Both run in the page and answer when what they wait for has been drawn.
DRAWN = """
  const tiles = () => [...document.querySelectorAll('.tile:not([hidden])')];
  const drawn = (tile) => !tile.matches('.waiting') && tile.querySelector('canvas.drawn') !== null;
  const frame = () => new Promise((done) => requestAnimationFrame(done));
"""
ASK = f"""async (words) => {{ {DRAWN}
  const input = document.querySelector('#query input[type=search], #query input');
  for (const tile of tiles()) tile.querySelector('canvas').classList.remove('drawn');
  input.value = words;
  input.dispatchEvent(new Event('input', {{bubbles: true}}));
  const began = performance.now();
  input.form.requestSubmit();
  let first = 0;
  for (;;) {{
    await frame();
    const ready = tiles().filter(drawn).length;
    if (ready && !first) first = performance.now() - began;
    if (ready && ready === tiles().length) return [first, performance.now() - began, ready];
    if (performance.now() - began > 20000) return [first || 20000, 20000, ready];
  }}
}}"""
JUMP = f"""async (share) => {{ {DRAWN}
  const viewport = document.querySelector('#viewport');
  const began = performance.now();
  viewport.scrollTop = share * (viewport.scrollHeight - viewport.clientHeight);
  await frame();
  for (;;) {{
    const shown = tiles();
    const nodes = document.querySelectorAll('#viewport *').length;
    if (shown.every((tile) => !tile.matches('.waiting'))) return [performance.now() - began, nodes];
    if (performance.now() - began > 20000) return [20000, 0];
    await frame();
  }}
}}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, nargs="+", default=list(FIRST))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    files = [file.read_bytes() for file in STATIC.rglob("*") if file.is_file()]
    show(
        {
            "name": "the page's own code, kB",
            "on disk": sum(map(len, files)) / 1000,
            "sent": sum(len(gzip.compress(data, 9)) for data in files) / 1000,
            "goal": 120,
        },
        as_json=asked.json,
    )
    for segments in asked.segments:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "index"
            made(folder, segments)
            with served(folder) as (address, _):
                for figure in measured(address, segments):
                    show(figure, as_json=asked.json)


def made(folder: Path, segments: int) -> None:
    """A synthetic index whose every photo has a thumbnail."""
    preset = load_preset("nano")
    settings = {"fingerprint": preset.fingerprint, "source": str(preset.source)}
    manifest = Manifest(preset.name, preset.space, settings, "bench", "2026-01-01T00:00:00+00:00")
    centres = preset.build().embedder.embed_texts(QUESTIONS).vectors
    make_index(folder, segments, manifest, centres)
    random = np.random.default_rng(0)
    pictures = [picture(random) for _ in range(50)]
    thumbnails = Thumbnails(folder)
    with SqliteCatalog.open(folder) as catalog:
        last = int(catalog.counts().photos)
        for start in range(1, last + 1, 1000):
            some = catalog.photos(range(start, min(start + 1000, last + 1)))
            thumbnails.keep(
                (photo.content_hash, pictures[number % len(pictures)])
                for number, photo in some.items()
            )


def picture(random: np.random.Generator) -> bytes:
    """A JPEG of 256 × 192 pixels and about 11 kB."""
    coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), np.uint8))
    picture = np.asarray(coarse.resize((256, 192), Image.Resampling.BICUBIC)).astype(int)
    noisy = picture + random.integers(-12, 13, picture.shape)
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=80)
    return file.getvalue()


@contextmanager
def served(folder: Path, *roots: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address and process of a server, its models loaded; photos below `roots` may be indexed."""
    command = [sys.executable, "-m", "cli.main", "serve", "--index", str(folder), "--port", "0"]
    command += [part for root in roots for part in ("--root", str(root))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            while httpx.get(f"{address}api/v1/status").json()["loading"]:
                time.sleep(0.2)
            yield address, process
        finally:
            process.terminate()


def measured(address: str, segments: int) -> Iterator[dict[str, Any]]:
    """Figures of one index."""
    of = f"{segments:,} segments"
    random = np.random.default_rng(1)
    asking = [QUESTIONS[i] for i in random.permutation(len(QUESTIONS))]
    with opened(address) as page:
        asked = [unhurried(page, ASK, asking.pop()) for _ in range(SEARCHES + WARMING)][WARMING:]
        first, all_, tiles = np.median(np.array(asked), axis=0).tolist()
        goal = FIRST.get(segments, max(FIRST.values()))
        yield {"name": f"first tile after Enter, {of}", "ms": first, "goal": goal}
        yield {"name": f"all tiles in view, {of}", "ms": all_, "tiles": tiles, "goal": 1000}
        shares = random.random(JUMPS).tolist()
        jumps = np.array([unhurried(page, JUMP, share) for share in shares])
        p95, nodes = float(np.percentile(jumps[:, 0], 95)), int(jumps[:, 1].max())
        yield {"name": f"jump, p95, {of}", "ms": p95, "goal": 50, "nodes": nodes, "most": 200}
    found = [asked_once(address, asking.pop())["id"] for _ in range(5)]
    took = [timed(lambda i=i: httpx.get(f"{address}api/v1/searches/{i}/facets")) for i in found]
    yield {"name": f"facets, {of}", "ms": float(np.median(took)), "goal": 300}
    alone = [timed(lambda: asked_once(address, asking.pop())) for _ in range(SEARCHES)]
    one = float(np.percentile(alone, 95))
    four = float(np.percentile(together(address, asking), 95))
    yield {"name": f"{CLIENTS} clients by one, p95, {of}", "ratio": four / one, "goal": 4,
           "one": one, "four": four}  # fmt: skip


def unhurried(page: Page, script: str, given: object) -> Any:
    """What a script in the page says, after a person has looked at what is there."""
    time.sleep(LOOKING)
    return page.evaluate(script, given)


def together(address: str, asking: list[str]) -> list[float]:
    """Milliseconds of the searches of several clients at once."""
    took: list[float] = []

    def client(name: str, some: list[str]) -> None:
        took.extend(timed(lambda w=w: asked_once(address, w, name)) for w in some)

    each = min(SEARCHES, len(asking) // CLIENTS)
    threads = [
        threading.Thread(target=client, args=(f"bench{n}", asking[n * each : (n + 1) * each]))
        for n in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


@contextmanager
def opened(address: str) -> Iterator[Page]:
    """The page in a Chromium."""
    found = next(path for name in CHROMIUMS if (path := shutil.which(name)))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found)
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.goto(address)
        page.wait_for_selector("#query input")
        yield page
        browser.close()


def asked_once(address: str, question: str, client: str = "bench") -> dict[str, Any]:
    """Answer of the API to words."""
    body = {"words": question, "client": client}
    answer = httpx.post(f"{address}api/v1/search", json=body, timeout=60)
    return dict(json.loads(answer.raise_for_status().text))


def timed(deed: Any) -> float:
    """Milliseconds that a deed takes."""
    began = time.perf_counter()
    deed()
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
