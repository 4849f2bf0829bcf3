"""A search from words to matches, beside encoding the words and one raw call of FAISS.

Both sides answer words of one kind from the same index, by turns in one process of one thread.
All figures are medians; the seconds of CPU say more on a machine that has other work.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from figures import in_child, show
from synthetic import make_index

from indexer.catalog.records import Manifest
from indexer.vectors.cache import FILE
from indexer.vectors.faiss_flat import widened
from model.presets.preset import load_preset
from searchengine.engine import SearchEngine

GOAL = 1.25
K = 20
SEARCHES = 60
WARMING = 5  # searches that load what is loaded on use
COLOURS = "red orange yellow green blue purple black white brown grey"
THINGS = """door car umbrella cup dog cat chair flower bicycle boat hat shirt window lamp book bird
horse bag shoe table wheel sign roof tree"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--preset", default="nano")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    preset = load_preset(asked.preset)
    made_with = {"fingerprint": preset.fingerprint, "source": str(preset.source)}
    manifest = Manifest(preset.name, preset.space, made_with, "bench", "2026-01-01T00:00:00+00:00")
    centres = preset.build().embedder.embed_texts(words()).vectors
    for segments in asked.segments:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "index"
            make_index(folder, segments, manifest, centres)
            in_child(__file__, folder, 0)  # vectors are made ready once, not by who searches
            figure = in_child(__file__, folder, SEARCHES)
        show({"name": f"search path, {segments} segments"} | figure, as_json=asked.json)


def words() -> list[str]:
    return [f"{colour} {thing}" for colour, thing in product(COLOURS.split(), THINGS.split())]


def child(folder: str, searches: str) -> None:
    import faiss
    import torch

    torch.set_num_threads(1)
    with SearchEngine.open(folder) as engine:
        engine.reader.vectors  # noqa: B018 - makes or loads them
        index = faiss.read_index(str(Path(folder) / FILE), faiss.IO_FLAG_MMAP_IFC)
        coded = not isinstance(index, faiss.IndexIDMap2)
        embed = engine.models.embedder.embed_texts

        def whole(text: str) -> None:
            engine.search(text, k=K)

        def raw(text: str) -> None:
            index.search(widened(embed([text]).vectors), K)

        # Every text is asked once: texts that were encoded before may be remembered.
        n = int(searches)
        texts = np.random.default_rng(0).permutation(words())[: 2 * (n + WARMING)].tolist()
        seconds: dict[Callable[[str], None], list[float]] = {whole: [], raw: []}
        cpu: dict[Callable[[str], None], list[float]] = {whole: [], raw: []}
        for i, text in enumerate(texts):
            side = (whole, raw)[i % 2]
            start, cpu_start = time.perf_counter(), time.process_time()
            side(text)
            seconds[side].append(time.perf_counter() - start)
            cpu[side].append(time.process_time() - cpu_start)
        if n:
            ours, other = (float(np.median(seconds[side][WARMING:])) for side in (whole, raw))
            ours_cpu, other_cpu = (float(np.median(cpu[side][WARMING:])) for side in (whole, raw))
            print(
                json.dumps(
                    {
                        "search_s": ours,
                        "text_and_faiss_s": other,
                        "ratio": ours / other,
                        "goal": GOAL,
                        "search_cpu_s": ours_cpu,
                        "text_and_faiss_cpu_s": other_cpu,
                        "cpu_ratio": ours_cpu / other_cpu,
                        "index": "codes" if coded else "exact fp16",
                    }
                )
            )
        else:
            print("{}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main()
