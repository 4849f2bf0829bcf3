"""Presence: whether a photo shows what a name says, look-alikes among the names.

Photos that are called by a class of ImageNet show one thing, so a name that is most like theirs and
no kin of it is of what they do not show. The names that no text of the training bore are judged
apart: people ask for what nobody taught.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from model.calibration import Calibration
from model.datasets.corpus import AnnotatedPhoto
from model.datasets.imagenet_names import class_names
from model.datasets.pairs import PHOTO_KIND
from model.training.calibration.fitting import ModelView, expected_error
from model.training.calibration.kinship import Kinship
from model.training.calibration.questions import all_texts, unborne_names

LOOK_ALIKES = 5  # names of each photo that it is not called by, the likest ones
CONFIDENT = 0.5
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NamedPhotos:
    """Photos of a split and names of classes.

    Attributes:
        names: C names, the first of each class.
        queries: C×D, these as questions.
        taught: C bool, whether a text of the training bears the name.
        bears: C×P bool, which photos are called by it, or by a kind of it.
        rows: P arrays of the photos' rows of vectors.
    """

    names: tuple[str, ...]
    queries: NDArray[np.float32]
    taught: NDArray[np.bool_]
    bears: NDArray[np.bool_]
    rows: tuple[NDArray[np.int64], ...]


def name_figures(
    photos: Sequence[AnnotatedPhoto],
    kinship: Kinship,
    sight: ModelView,
    calibration: Calibration,
    split: str = "val",
) -> dict[str, float]:
    """Figures of all names of ImageNet's classes, by name.

    Each asked of all photos of the split: of names that photos bear, the share whose first answer
    is in one of these and the share that is confident; of the others the share that is confident.
    And of photos that are called by a class: how well the confidence of the first answer in the
    photo tells its name from the names that are most like it.
    """
    if sight.untaught:
        return {}
    named = named_photos(photos, kinship, sight, split)
    if not len(named.rows):
        return {}
    unborne = set(unborne_names(photos, sight.proposals, kinship, split))
    figures = _of_all(named, unborne, sight, calibration)
    for said, taught in (("taught", True), ("never taught", False)):
        told, right = look_alikes(named, photos, sight, calibration, taught=taught)
        if right.any() and not right.all():
            figures[f"area: names {said}, look-alikes, by photo"] = rank_share(
                told[right], told[~right]
            )
            figures[f"expected error: names {said} and look-alikes, by photo"] = expected_error(
                told, right
            )
    return figures


def named_photos(
    photos: Sequence[AnnotatedPhoto], kinship: Kinship, sight: ModelView, split: str
) -> NamedPhotos:
    """The split's photos that the models have looked at, and which names they bear."""
    of_photo = sight.proposals.photo
    numbers = [n for n in np.unique(of_photo).tolist() if photos[n].split == split]
    every = [tuple(name.lower() for name in names) for names in class_names()]
    taught = {t for photo in photos if photo.split == "train" for t in all_texts(photo)}
    called = [kinship.names(all_texts(photos[n])) for n in numbers]
    bears = [
        [not own.isdisjoint(frozenset().union(*map(kinship.asked, names))) for own in called]
        for names in every
    ]
    return NamedPhotos(
        tuple(names[0] for names in every),
        sight.encode([names[0] for names in every]),
        np.array([bool(taught & set(names)) for names in every]),
        np.array(bears, np.bool_).reshape(len(every), len(numbers)),
        tuple(np.flatnonzero(of_photo == n) for n in numbers),
    )


def look_alikes(
    named: NamedPhotos,
    photos: Sequence[AnnotatedPhoto],
    sight: ModelView,
    calibration: Calibration,
    *,
    taught: bool,
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Confidences of names in single photos, and which are right.

    Args:
        named: photos and names.
        photos: photos of the corpus.
        sight: the models' view of them.
        calibration: calibration that is judged.
        taught: whether names are of those that a text of the training bore.
    """
    meaning = named.queries[:, : calibration.meaning]
    meaning = meaning / np.maximum(np.linalg.norm(meaning, axis=1, keepdims=True), 1e-9)
    told: list[float] = []
    right: list[bool] = []
    wanted = named.taught == taught
    for column, rows in enumerate(named.rows):
        photo = photos[int(sight.proposals.photo[rows[0]])]
        vectors = sight.proposals.vectors[rows]
        own = {t.lower() for pair in photo.pairs if pair.kind == PHOTO_KIND for t in pair.texts}
        for place in [i for i, name in enumerate(named.names) if name in own]:
            alike = np.where(named.bears[:, column], -2, meaning @ meaning[place])
            others = np.argsort(-alike, kind="stable")[:LOOK_ALIKES].tolist()
            for asked in [place, *others]:
                if wanted[asked]:
                    told.append(_first(named.queries[asked], vectors, calibration)[0])
                    right.append(asked == place)
    return np.array(told, np.float64), np.array(right, np.bool_)


def rank_share(higher: Numbers, lower: Numbers) -> float:
    """Share of the pairs of two lists of numbers of which the first is higher, ties by half: the
    area under the receiver's operating curve."""
    if not len(higher) or not len(lower):
        return 0.0
    ranks = rankdata(np.concatenate([higher, lower]))[: len(higher)]
    wins = ranks.sum() - len(higher) * (len(higher) + 1) / 2
    return float(wins / (len(higher) * len(lower)))


def _of_all(
    named: NamedPhotos, unborne: Set[str], sight: ModelView, calibration: Calibration
) -> dict[str, float]:
    vectors = sight.proposals.vectors[np.concatenate(named.rows)]
    column = np.repeat(np.arange(len(named.rows)), [len(own) for own in named.rows])
    there, first, told = named.bears.any(axis=1), [], []
    for bears, query in zip(named.bears, named.queries, strict=True):
        sure, best = _first(query, vectors, calibration)
        told.append(sure)
        first.append(bool(bears[column[best]]))
    confident, found = np.array(told) >= CONFIDENT, np.array(first)
    apart = np.array([name in unborne for name in named.names])
    figures = {
        "confident: class names no photo bears": float(confident[~there].mean()),
        "confident: class names no photo bears, nor what they are kinds of": float(
            confident[apart].mean()
        ),
    }
    if there.any():
        figures["first: class names with a photo"] = float(found[there].mean())
        figures["confident: class names with a photo"] = float(confident[there].mean())
        figures["area: class names with and without a photo"] = rank_share(
            np.array(told)[there], np.array(told)[~there]
        )
    return figures


def _first(
    query: NDArray[np.float32], vectors: NDArray[np.float32], calibration: Calibration
) -> tuple[float, int]:
    """Confidence of the best answer among some vectors, and its place among these."""
    best = int(np.argmax(vectors @ query))
    return float(calibration.confidence(query, vectors[best : best + 1])[0]), best
