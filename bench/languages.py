"""How well names in other languages find what they name, beside English and as English reads them.

Asked: the names of `recipes/translated-names.tsv`, on the true masks of val. Each is searched as
`segsearch search --language CODE NAME` searches it; "as English" is what the preset's own encoder
makes of the foreign word. Three more columns: of the names that are no term by themselves; with
every name's own term taken out of the terms; and what `--language auto` finds.

The look at the photos takes some minutes of CPU, is kept with --look FILE and taken from there.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from figures import show
from numpy.typing import NDArray

from indexer.catalog.filter import Filter
from indexer.vectors.store import Hits
from model.datasets.ground_truth import read_truth
from model.embedder import Embedder
from model.evaluation.looking import Looking
from model.evaluation.ranking import Ranking
from model.evaluation.retrieval.judging import relevance
from model.evaluation.retrieval.observations import observe
from model.language.multilingual.reading import Senses
from model.language.multilingual.snapping import snap
from model.language.multilingual.terms import terms
from model.language.plurals import singular
from model.language.question import understand
from model.presets.preset import load_preset
from searchengine.queries.query import Query
from searchengine.queries.understanding import Understanding, interpret
from searchengine.queries.weighing import Nearest, weighed
from searchengine.search.recall import questions

NAMES = Path(__file__).parents[1] / "recipes" / "translated-names.tsv"
Vectors = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--names", type=Path, default=NAMES)
    parser.add_argument("--split", default="val")
    parser.add_argument("--look", type=Path, help="file that the look at the photos is kept in")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    embedder = load_preset("nano").build().embedder
    regions, phrases = look(asked.corpus, asked.split, embedder, asked.look)
    with asked.names.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    names = [row["name"] for row in rows]
    relevant = relevance(names, phrases)
    there = relevant.any(axis=1)
    unlisted = np.array([not own_terms(name) & set(terms()) for name in names])

    def nearest(vectors: Vectors, count: int, _: Filter) -> list[Hits]:
        """The regions are the index."""
        scores = vectors @ regions.T
        best = np.argsort(-scores, axis=1)[:, :count]
        return [Hits(one, own[one], regions[one]) for one, own in zip(best, scores, strict=True)]

    def precision(vectors: Vectors) -> NDArray[np.float64]:
        return Ranking(vectors @ regions.T).average_precision(relevant)

    def mean(own: NDArray[np.float64], which: NDArray[np.bool_] = there) -> float:
        return round(float(own[there & which].mean()), 3)

    english = precision(searched(names, "en", embedder, nearest))
    show(
        {
            "name": "en",
            "names": int(there.sum()),
            "mAP": mean(english),
            "no term": int((there & unlisted).sum()),
            "mAP of these": mean(english, unlisted),
        },
        as_json=asked.json,
    )
    shares: list[list[float]] = []
    for code in (code for code in rows[0] if code != "name"):
        typed = [row[code] for row in rows]
        read = [understand(text).words for text in typed]
        own = precision(searched(typed, code, embedder, nearest))
        out = precision(without_own_terms(names, typed, embedder, nearest))
        figure = {
            "as English": mean(precision(embedder.embed_texts(read).vectors)),
            "mAP": mean(own),
            "mAP of no term": mean(own, unlisted),
            "auto": mean(precision(searched(typed, "auto", embedder, nearest))),
            "own term out": mean(out),
        }
        shares.append(
            [
                figure["mAP"] / mean(english),
                figure["mAP of no term"] / mean(english, unlisted),
                figure["auto"] / mean(english),
                figure["own term out"] / mean(english),
            ]
        )
        show({"name": code} | figure, as_json=asked.json)
    columns = ("mAP", "mAP of no term", "auto", "own term out")
    of_english = np.mean(shares, axis=0).round(3).tolist()
    show(
        {"name": "mean share of English"} | dict(zip(columns, of_english, strict=True)),
        as_json=asked.json,
    )


def look(
    corpus: Path, split: str, embedder: Embedder, kept: Path | None
) -> tuple[Vectors, list[list[str]]]:
    """Vectors of all named regions of a split, and the names of each."""
    if kept is not None and kept.exists():
        with np.load(kept) as found:
            return found["regions"], json.loads(str(found["phrases"]))
    truth = read_truth(corpus, split)
    truth = replace(truth, photos=tuple(photo for photo in truth.photos if photo.named))
    _, seen = observe(truth, lambda: (embedder, {}), Looking())
    phrases = [list(own) for own in seen.phrases]
    if kept is not None:
        np.savez(kept, regions=seen.regions, phrases=json.dumps(phrases))
    return seen.regions, phrases


def searched(texts: Sequence[str], code: str, embedder: Embedder, nearest: Nearest) -> Vectors:
    """The vectors that texts are searched by."""
    read = [interpret(Query(words=text, language=code)) for text in texts]
    found = weighed(read, embedder, nearest)
    return questions([replace(each.query, negatives=()) for each in found], embedder)


def own_terms(name: str) -> set[str]:
    """A name as it may stand among the terms."""
    *before, last = name.replace("-", " ").split()
    forms = {last, singular(last), f"{last}s"}
    return {" ".join([*before, form]) for form in forms} | {name}


def without_own_terms(
    names: Sequence[str], texts: Sequence[str], embedder: Embedder, nearest: Nearest
) -> Vectors:
    """Vectors of texts as snapping has them where none of the names is a term."""
    out = set().union(*map(own_terms, names))
    kept = np.array([term not in out for term in terms()])
    read = []
    for text in texts:
        found = snap(text, kept)
        english = [understand(term).words for term in found.terms]
        senses = Senses(text, tuple(english), found.shares)
        read.append(Understanding(Query(words=text, senses=(senses,))))
    return questions([each.query for each in weighed(read, embedder, nearest)], embedder)


if __name__ == "__main__":
    main()
