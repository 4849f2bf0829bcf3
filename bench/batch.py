"""Many questions together beside one by one: throughput of `search_many` and of `search`.

Both sides answer other texts of one kind from the same index, by turns in one process of one
thread, with the documents that `--batch` prints (`to_dict`) and without. Matches are compared.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from figures import in_child, show
from search import COLOURS, THINGS, K, words
from synthetic import make_index

from indexer.catalog.records import Manifest
from model.presets.preset import load_preset
from searchengine import Matches, Query, SearchEngine

GOAL = 5.0
TOGETHER = 256
ROUNDS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--preset", default="nano")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    preset = load_preset(asked.preset)
    made_with = {"fingerprint": preset.fingerprint, "source": ""}
    manifest = Manifest(preset.name, preset.space, made_with, "bench", "2026-01-01T00:00:00+00:00")
    centres = preset.build().embedder.embed_texts(words()).vectors
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "index"
        make_index(folder, asked.segments, manifest, centres)
        for task in ("answers", "documents"):
            figure = in_child(__file__, folder, task)
            name = f"{TOGETHER} queries together, {asked.segments} segments, {task}"
            show({"name": name, "goal": GOAL} | figure, as_json=asked.json)


def child(folder: str, task: str) -> None:
    import torch

    torch.set_num_threads(1)

    def alone(engine: SearchEngine, queries: Sequence[Query]) -> list[Matches]:
        return [engine.search(query) for query in queries]

    def together(engine: SearchEngine, queries: Sequence[Query]) -> list[Matches]:
        return engine.search_many(queries)

    kinds = product(COLOURS.split(), THINGS.split(), THINGS.split())
    texts = [f"{colour} {one} beside a {other}" for colour, one, other in kinds]
    texts = np.random.default_rng(0).permutation(texts).tolist()
    seconds: dict[Callable[..., list[Matches]], list[float]] = {alone: [], together: []}
    with SearchEngine.open(folder) as engine:
        alone(engine, [Query(words="warm"), Query(words="up")])
        for _ in range(ROUNDS):
            for side in (alone, together):
                queries = [Query(words=texts.pop(), k=K, refer=False) for _ in range(TOGETHER)]
                start = time.process_time()
                found = side(engine, queries)
                if task == "documents":
                    for matches in found:
                        matches.to_dict()
                seconds[side].append((time.process_time() - start) / TOGETHER)
        same = all(
            [m.segment_id for m in one] == [m.segment_id for m in other]
            for one, other in zip(alone(engine, queries), found, strict=True)
        )
    one, many = (float(np.median(seconds[side])) for side in (alone, together))
    figure = {"alone_cpu_s": one, "together_cpu_s": many, "ratio": one / many, "same": same}
    print(json.dumps(figure))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main()
