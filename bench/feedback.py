"""Feedback measured: what judging pages of ten gains, on photos that were not shown yet.

    python bench/feedback.py CORPUS [--split val] [--cache FILE] [--json]

Own masks of nano. A judge who knows the annotations looks at a page of ten matches and judges
each: right where the mask fits a region of the phrase (IoU ≥ 0.5, or inside of stuff), wrong where
it touches none, no judgement between. Then the next page comes from what was judged; photos that
were shown never come again. After each round the ranking of the photos that were not shown yet is
compared with that of the words alone on the same photos (average precision; masks that fit badly
left out, and queries of which nothing right is left).

Well-named queries are the phrases of the annotations. Vague ones are made from these by rule:
`broader`, a phrase of the same source that all regions of the phrase have and at least as many
others again; `kind`, the word for all that a source shows (`KINDS`); `sibling`, of the source's
phrases that share no region with it the one whose text is nearest. What is meant, and judged, is
always the phrase.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from figures import show
from numpy.typing import NDArray

from model.datasets.ground_truth import Truth, read_truth
from model.evaluation.looking import Looking
from model.evaluation.ranking import Ranking
from model.evaluation.retrieval.judging import NOTHING, judgement, phrases_of
from model.evaluation.retrieval.observations import Observations, observe
from model.language.question import understand
from model.presets.preset import load_preset
from searchengine.queries.feedback import DEEPER, diverse_order, refined

PAGE, ROUNDS = 10, 3
WELL = "well-named"
FEWEST = 3  # right masks of a phrase that is asked
KINDS = {
    "animals": "animal", "building_facades": "part of a building", "camvid": "thing in a street",
    "car_parts": "part of a car", "clothing": "clothes", "labelme_facade": "thing in a street",
    "coco": "thing", "voc_cosegmentation": "thing", "road_markings": "sign", "tree_trunks": "plant",
}  # fmt: skip
"""Word for all that a source shows."""

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Encode = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True)
class Asked:
    """Queries: what was typed, the phrase that was meant, and how the one came from the other."""

    texts: tuple[str, ...]
    meant: tuple[str, ...]
    how: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Scene:
    """P masks, and what each is to each of T phrases (T×P)."""

    phrases: tuple[str, ...]
    judged: Bools
    right: Bools
    wrong: Bools


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--cache", type=Path, help="what was seen of the photos, kept between runs")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    truth, seen = looked_at(asked.corpus, asked.split, asked.cache)
    embedder = load_preset("nano").build_embedder()

    def encode(texts: Sequence[str]) -> Floats:
        return embedder.embed_texts([understand(text).words for text in texts]).vectors

    scene = scene_of(truth, seen)
    print(f"{len(truth.photos)} photos, {scene.right.shape[1]} masks", flush=True)
    queries = queries_of(truth, scene, encode)
    rounds = simulate(queries, scene, seen, encode(queries.texts))
    how = np.array(queries.how)
    for name, chosen in (
        (WELL, how == WELL),
        ("vague", how != WELL),
        *((f"vague, {each}", how == each) for each in dict.fromkeys(how.tolist()) if each != WELL),
    ):
        figure: dict[str, object] = {"queries": int(chosen.sum())}
        for number, (alone, judged) in enumerate(rounds, start=1):
            own = ~np.isnan(alone[chosen]) & ~np.isnan(judged[chosen])
            figure[f"left_{number}"] = int(own.sum())
            figure[f"words_{number}"] = float(alone[chosen][own].mean())
            figure[f"gain_{number}"] = float((judged - alone)[chosen][own].mean())
        show({"name": f"{asked.split}, {name}"} | figure, as_json=asked.json)


def looked_at(corpus: Path, split: str, cache: Path | None) -> tuple[Truth, Observations]:
    """The photos with named regions, and what nano sees in them."""
    if cache is not None and cache.exists():
        with cache.open("rb") as file:
            return pickle.load(file)
    truth = read_truth(corpus, split)
    truth = replace(truth, photos=tuple(photo for photo in truth.photos if photo.named))
    models = load_preset("nano").build()
    seers = models.embedder, {"nano": models.segmenter}
    _, seen = observe(truth, lambda: seers, Looking())
    if cache is not None:
        with cache.open("wb") as file:
            pickle.dump((truth, seen), file)
    return truth, seen


def scene_of(truth: Truth, seen: Observations) -> Scene:
    """What each mask is to each phrase that has right masks enough."""
    texts, named = phrases_of(seen)
    masks = seen.proposals["nano"]
    kept, rows = [], []
    for text, own in zip(texts, named, strict=True):
        told = judgement(truth, seen, masks, text, own)
        right = (told.region != NOTHING) | told.within
        if (right & told.judged).sum() >= FEWEST:
            kept.append(text)
            rows.append((told.judged, right, ~(right | told.touching)))
    judged, right, wrong = (np.stack(part) for part in zip(*rows, strict=True))
    return Scene(tuple(kept), judged, right & judged, wrong & judged)


def queries_of(truth: Truth, scene: Scene, encode: Encode) -> Asked:
    """Well-named and vague queries for the phrases of a scene."""
    regions: dict[str, dict[str, set[tuple[int, int]]]] = {}
    for number, photo in enumerate(truth.photos):
        for place, region in enumerate(photo.named):
            for text in region.phrases:
                regions.setdefault(photo.source, {}).setdefault(text, set()).add((number, place))
    asked = [(text, text, WELL) for text in scene.phrases]
    for meant in scene.phrases:
        homes = [source for source, of in regions.items() if meant in of]
        home = max(homes, key=lambda source: len(regions[source][meant]))
        own, others = regions[home][meant], regions[home]
        wider = [
            (len(its), text)
            for text, its in others.items()
            if own < its and len(its) >= 2 * len(own)
        ]
        asked += [(min(wider)[1], meant, "broader")] if wider else []
        asked += [(KINDS[home], meant, "kind")] if KINDS[home] != meant else []
        apart = sorted(text for text, its in others.items() if not its & own)
        if apart:
            near = encode(apart) @ encode([meant])[0]
            asked.append((apart[int(near.argmax())], meant, "sibling"))
    return Asked(*(tuple(part) for part in zip(*asked, strict=True)))


def simulate(
    asked: Asked, scene: Scene, seen: Observations, vectors: Floats
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Average precision of each query on photos not shown yet, by its words alone and by what was
    judged, after each round; NaN where nothing right is left."""
    masks = seen.proposals["nano"]
    place = {text: number for number, text in enumerate(scene.phrases)}
    meant = [place[text] for text in asked.meant]
    judged, right, wrong = scene.judged[meant], scene.right[meant], scene.wrong[meant]
    plain = vectors @ masks.vectors.T
    plain_shown = masks.answering(plain)
    unseen = np.ones((len(asked), len(seen.whole)), np.bool_)
    likes: list[list[int]] = [[] for _ in asked.texts]
    unlikes: list[list[int]] = [[] for _ in asked.texts]
    scores, shown, gains = plain, plain_shown, []
    for _ in range(ROUNDS):
        for i in range(len(asked)):
            may = np.flatnonzero(judged[i] & shown[i] & unseen[i, masks.photo])
            page = next_page(scores[i], may, masks.vectors, likes[i], unlikes[i])
            likes[i] += [row for row in page if right[i, row]]
            unlikes[i] += [row for row in page if wrong[i, row]]
            unseen[i, masks.photo[page]] = False
        moved = np.stack(
            [
                refined(vector, masks.vectors[yes], masks.vectors[no])
                for vector, yes, no in zip(vectors, likes, unlikes, strict=True)
            ]
        )
        scores = moved @ masks.vectors.T
        shown = masks.answering(scores)
        left = judged & unseen[:, masks.photo] & (right | wrong)
        gains.append(
            (
                Ranking(plain, left & plain_shown).average_precision(right & plain_shown),
                Ranking(scores, left & shown).average_precision(right & shown),
            )
        )
    return gains


def next_page(
    scores: Floats, may: NDArray[np.int64], vectors: Floats, likes: list[int], unlikes: list[int]
) -> list[int]:
    """Rows of the next ten: the best, or diverse ones while only wrong ones are known."""
    order = may[np.argsort(-scores[may], kind="stable")]
    if likes or not unlikes:
        return order[:PAGE].tolist()
    best = order[: DEEPER * PAGE]
    chosen = diverse_order(scores[best], vectors[best], PAGE, vectors[unlikes])
    return best[chosen].tolist()


if __name__ == "__main__":
    main()
