"""How far what users get differs between processors: masks, vectors and matches of the same photos.

Each setting indexes the photographs with nano, and asks the same words, in processes of its own:
environment variables choose the instructions that torch, oneDNN and MKL use. The first, this
processor's own, is what the others are compared with.

masks: segments of the first; share of them that the other has too, at an IoU of 0.95 and of 0.5.
vectors: mean and least cosine between the vectors of segments that are the same (IoU ≥ 0.95).
words: share whose first match is the same segment (IoU ≥ 0.5 in the same photo), the mean share of
the ten best matches that are among the other's ten best, and the largest change of confidence of
a match that is in both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from figures import show
from numpy.typing import NDArray

from indexer.index import Index
from model.masks import rle
from searchengine import SearchEngine

SETTINGS = {
    "this processor": {},
    "the same again": {},
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "no vectors beyond SSE": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
}
WORDS = (
    "dog", "cat", "person", "face", "car", "car door", "wheel", "window", "door", "house", "roof",
    "tree", "grass", "sky", "water", "road", "chair", "wooden table", "cup", "bottle", "plate",
    "food", "fruit", "flower", "leaf", "red flower", "shirt", "striped shirt", "blue jeans", "shoe",
    "hat", "bird", "horse", "boat", "bicycle", "sign", "wall", "floor", "hand", "book",
)  # fmt: skip
BEST = 10
SAME, ALIKE = 0.95, 0.5


class Seen(NamedTuple):
    """A photo's segments: run lengths, the frame that they are in, N×D vectors."""

    counts: list[bytes]
    frame: tuple[int, int]
    vectors: NDArray[np.float32]


class Found(NamedTuple):
    """A match: its photo's path, run lengths and their frame, and confidence."""

    photo: str
    counts: str
    frame: tuple[int, int]
    confidence: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder; `make demo` leaves one: demo/photos")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.into:
        answer(asked.photos, asked.into)
        return
    with tempfile.TemporaryDirectory() as place:
        told = []
        for number, (name, environment) in enumerate(SETTINGS.items()):
            folder = Path(place) / str(number)
            matches = answered(asked.photos, folder, environment)
            told.append((remembered(folder), matches))
            if number:
                show({"setting": name} | compared(told[0], told[-1]), as_json=asked.json)


def answer(photos: Path, folder: Path) -> None:
    """Index the photos and print, as JSON, what each word finds."""
    with SearchEngine.open(folder, preset="nano") as engine:
        engine.index(photos)
        answers = [
            [
                Found(
                    match.photo.path,
                    match.segment.counts.decode(),
                    match.segment.frame,
                    match.confidence or 0.0,
                )
                for match in engine.search(words, k=BEST)
            ]
            for words in WORDS
        ]
    print(json.dumps(answers))


def answered(photos: Path, folder: Path, environment: dict[str, str]) -> list[list[Found]]:
    """What each word finds, where a process of those settings indexes the photos and asks."""
    done = subprocess.run(
        [sys.executable, __file__, str(photos.resolve()), "--into", str(folder)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env=os.environ | environment,
    )
    return [
        [Found(path, counts, (h, w), sure) for path, counts, (h, w), sure in matches]
        for matches in json.loads(done.stdout.splitlines()[-1])
    ]


def remembered(folder: Path) -> dict[str, Seen]:
    """The segments that an index holds, by the path of their photo."""
    found = {}
    with Index.open(folder) as index:
        for file in index.catalog.files():
            if file.photo_id is not None and (rows := index.catalog.segments_of(file.photo_id)):
                vectors = index.catalog.vectors_of([row.id for row in rows])
                found[file.stamp.path] = Seen([r.counts for r in rows], rows[0].frame, vectors)
    return found


Told = tuple[dict[str, Seen], list[list[Found]]]


def compared(first: Told, other: Told) -> dict[str, Any]:
    overlaps, cosines = [], []
    for path, ours in first[0].items():
        theirs = other[0].get(path)
        if theirs is None:
            overlaps.append(np.zeros(len(ours.counts)))
            continue
        table = rle.iou(ours.counts, theirs.counts, ours.frame)
        best = table.argmax(axis=1)
        overlaps.append(table.max(axis=1))
        same = table.max(axis=1) >= SAME
        cosines.append((ours.vectors * theirs.vectors[best]).sum(axis=1)[same])
    overlap, cosine = np.concatenate(overlaps), np.concatenate(cosines)
    firsts, shares, changes = [], [], [0.0]
    for ours_found, theirs_found in zip(first[1], other[1], strict=True):
        pairs = [(a, b) for a in ours_found for b in theirs_found if alike(a, b)]
        kept = {id(a) for a, _ in pairs}
        firsts.append(bool(ours_found) and any(alike(ours_found[0], b) for b in theirs_found[:1]))
        shares.append(len(kept) / len(ours_found))
        changes += [abs(a.confidence - b.confidence) for a, b in pairs]
    return {
        "segments": len(overlap),
        "too, at 0.95": float((overlap >= SAME).mean()),
        "at 0.5": float((overlap >= ALIKE).mean()),
        "cosine": f"{cosine.mean():.6f}",
        "least": f"{cosine.min():.6f}",
        "first the same": float(np.mean(firsts)),
        "ten the same": float(np.mean(shares)),
        "confidence": max(changes),
    }


def alike(one: Found, other: Found) -> bool:
    """Whether two matches are one thing: in the same photo, at an IoU of 0.5."""
    if (one.photo, one.frame) != (other.photo, other.frame):
        return False
    return bool(rle.iou([one.counts.encode()], [other.counts.encode()], one.frame)[0, 0] >= ALIKE)


if __name__ == "__main__":
    main()
