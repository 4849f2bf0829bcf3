"""Whole photos found by texts, and names by photos: what a head makes of these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import Truth
from model.datasets.imagenet_names import class_names
from model.embedder import Embedder
from model.evaluation.ranking import Bools, Ranking, mean

SENTENCES, CLASSES = "flickr_captions", "imagenet_compatible"
Vectors = NDArray[np.float32]


def found_photos(truth: Truth, whole: Vectors, embedder: Embedder) -> dict[str, float]:
    """R@1 and R@10 of texts that look for photos, and of photos that look for a class' name.

    Args:
        truth: the photos.
        whole: n×D unit vectors of the photos.
        embedder: gives texts their vectors.
    """
    said = [frozenset(text.lower() for text in photo.captions) for photo in truth.photos]
    classes = [[name.lower() for name in of_class] for of_class in class_names()]
    shows = np.array([[not own.isdisjoint(of) for own in said] for of in classes])
    scores = embedder.embed_texts([of[0] for of in class_names()]).vectors @ whole.T
    figures = reached("1,000 names", scores, shows)
    classed = np.array([photo.source == CLASSES for photo in truth.photos])
    figures |= reached("photos among 1,000 names", scores.T[classed], shows.T[classed])
    for title, source in (("sentences", SENTENCES), ("class names", CLASSES)):
        pairs = [
            (number, text)
            for number, photo in enumerate(truth.photos)
            if photo.source == source
            for text in photo.captions
        ]
        right = np.array([[number == n for n in range(len(said))] for number, _ in pairs])
        # other photos with the very same text are in nobody's way
        same = np.array([[text in photo.captions for photo in truth.photos] for _, text in pairs])
        found = embedder.embed_texts([text for _, text in pairs]).vectors @ whole.T
        figures |= reached(title, found, right, same & ~right)
    return figures


def reached(
    name: str, scores: Vectors, relevant: Bools, ignored: Bools | None = None
) -> dict[str, float]:
    """R@1 and R@10 of the queries that have an answer."""
    ranking = Ranking(scores)
    return {f"{name}, R@{k}": mean(ranking.success(relevant, k, ignored)) or 0.0 for k in (1, 10)}
