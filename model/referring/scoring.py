"""Scores: what each part of a referring expression says of each segment of a photo.

All are logits, added to recall's: geometry reorders what recall found and never replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.masks import rle
from model.masks.nms import greedy_nms
from model.masks.segments import Segments
from model.referring.expression import Expression, Ordinal, Relation
from model.referring.geometry import EXTREMES, PLACES, RELATIONS, between, boxes_of
from model.referring.settings import ReferringSettings

Floats = NDArray[np.float64]
Cosines = Mapping[str, NDArray[np.floating]]
"""N cosines of a photo's segments with each phrase, and with the whole text."""

STAGES = ("recall", "place", "superlative", "ordinal", "relation", "negated")
FLOOR = -4.0
"""Logit of what is told of quite another thing."""
WHOLE = 0.95  # share of the photo from which a segment is the photo rather than a thing in it
MOST_AMID = 24  # likeliest of the two others that something is between
_PLACE, _EXTREME = 0.15, 0.05  # shares of the photo's side that make a logit of -1


@dataclass(frozen=True, eq=False)
class Scores:
    """Logits of N segments.

    Attributes:
        stages: N×6 float32, columns as in `STAGES`, already weighed.
        candidates: N bool, which may be the thing that is named, duplicates left out.
        notes: parts of the expression that could not be heeded, each with the reason.
    """

    stages: NDArray[np.float32]
    candidates: NDArray[np.bool_]
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> NDArray[np.float32]:
        """N float32: the stages' sums."""
        return np.asarray(self.stages.sum(axis=1), np.float32)

    def best(self) -> NDArray[np.int64]:
        """Numbers of the segments, best first; of equal ones the earlier."""
        return np.argsort(-self.total, kind="stable")


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo's N segments as expressions are resolved among them.

    Attributes:
        boxes: N×4 float64, XYXY, shares of the photo's sides.
        areas: N float64, shares of the photo.
        overlaps: N×N float64, IoU of the masks.
    """

    boxes: Floats
    areas: Floats
    overlaps: Floats

    @classmethod
    def of(cls, segments: Segments) -> Scene:
        """The scene of a photo's segments."""
        height, width = segments.size
        return cls(
            boxes_of(segments),
            np.maximum(np.asarray(segments.areas, np.float64), 1) / (height * width),
            rle.iou(segments.counts, segments.counts, segments.size),
        )


def score(
    scene: Scene,
    expression: Expression,
    cosines: Cosines,
    settings: ReferringSettings | None = None,
    best: Mapping[str, float] | None = None,
) -> Scores:
    """What an expression says of a photo's segments.

    Args:
        scene: the N segments.
        expression: expression whose text and phrases `cosines` knows.
        cosines: N cosines of each of its `phrases`, and of its text.
        settings: numbers that weigh the parts.
        best: highest cosine of each phrase in all photos that are compared; by default in this
            one. A photo that lacks what something should lie beside is told by it.
    """
    chosen = settings or ReferringSettings()
    n = len(scene.areas)
    stages = np.zeros((n, len(STAGES)))
    if not n:
        return Scores(stages.astype(np.float32), np.zeros(0, np.bool_))
    sentence = np.asarray(cosines[expression.text], np.float64)
    phrase = np.asarray(cosines.get(expression.phrase, sentence), np.float64)
    mixed = (1 - chosen.phrase) * sentence + chosen.phrase * phrase
    stages[:, 0] = chosen.sharpness * mixed
    likely, kept = _candidates(scene, phrase, chosen)
    notes: list[str] = []
    if not expression.bare:
        own, notes = _own_terms(scene, expression, likely, kept, chosen)
        stages[:, 1:4] = own
        for relation in expression.relations:
            stages[:, 4] += _related(scene, relation, cosines, chosen, best or {})
        stages[:, 4] *= chosen.relation
        for denied in expression.negated:
            stages[:, 5] -= chosen.negated * chosen.sharpness * np.asarray(cosines[denied])
    return Scores(stages.astype(np.float32), kept, tuple(notes))


def _candidates(
    scene: Scene, cosines: Floats, settings: ReferringSettings
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which segments may be what a phrase names; and of these the ones that are no duplicates."""
    things = scene.areas < WHOLE
    if not things.any():
        things = np.ones(len(cosines), np.bool_)
    top = cosines[things].max()
    likely = things & (settings.sharpness * (cosines - top) >= np.log(settings.kept))
    rows = np.flatnonzero(likely)
    overlapping = scene.overlaps[np.ix_(rows, rows)] >= settings.duplicates
    kept = np.zeros(len(cosines), np.bool_)
    kept[rows[greedy_nms(overlapping, cosines[rows])]] = True
    return likely, kept


def _own_terms(
    scene: Scene,
    expression: Expression,
    likely: NDArray[np.bool_],
    kept: NDArray[np.bool_],
    settings: ReferringSettings,
) -> tuple[Floats, list[str]]:
    """N×3: places, superlative and ordinal, weighed; and notes."""
    terms, notes = np.zeros((len(likely), 3)), []
    for place in expression.places:
        value = PLACES[place](scene.boxes, scene.areas)
        below = np.minimum(value - value[kept].max(), 0) / _PLACE
        terms[:, 0] += settings.place * np.maximum(below, FLOOR)
    if expression.superlative is not None:
        value = EXTREMES[expression.superlative](scene.boxes, scene.areas)
        below = np.minimum(value - value[kept].max(), 0) / _EXTREME
        below[~likely] = FLOOR
        terms[:, 1] = settings.superlative * np.maximum(below, FLOOR)
    if expression.ordinal is not None:
        order = ranks(scene, expression.ordinal, kept)
        count, number = int(kept.sum()), expression.ordinal.number
        if abs(number) > count:
            notes.append(f"only {count} of '{expression.phrase}' found, number {number} asked for")
        else:
            wanted = number - 1 if number > 0 else count + number
            off = np.where(order < 0, FLOOR, -2.0 * np.abs(order - wanted))
            terms[:, 2] = settings.ordinal * np.maximum(off, FLOOR)
    return terms, notes


def ranks(scene: Scene, ordinal: Ordinal, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """N places in the order of the candidates, 0 for the first; -1 for what is none of them.

    What overlaps a candidate by half and more has its place.
    """
    value = -EXTREMES[ordinal.side](scene.boxes, scene.areas)
    rows = np.flatnonzero(kept)
    rows = rows[np.argsort(value[rows], kind="stable")]
    overlaps = scene.overlaps[:, rows]
    nearest = overlaps.argmax(axis=1)
    return np.where(overlaps.max(axis=1) >= 0.5, nearest, -1)


def _weights(
    scene: Scene,
    expression: Expression,
    cosines: Cosines,
    settings: ReferringSettings,
    best: Mapping[str, float],
) -> Floats:
    """N logits ≤ 0 of being another thing that an expression names."""
    own = np.asarray(cosines[expression.phrase], np.float64)
    likely, kept = _candidates(scene, own, settings)
    top = best.get(expression.phrase, own.max())
    logits = np.minimum(settings.sharpness * (own - top), 0)
    terms, _ = _own_terms(scene, expression, likely, kept, settings)
    return np.asarray(logits + terms.sum(axis=1))


def _related(
    scene: Scene,
    relation: Relation,
    cosines: Cosines,
    settings: ReferringSettings,
    best: Mapping[str, float],
) -> Floats:
    """N logits: the likeliest other thing by which a relation holds."""
    weights = [_weights(scene, o, cosines, settings, best) for o in relation.others]
    apart = scene.overlaps < settings.duplicates  # nothing lies beside itself
    if len(weights) == 2:
        rows = [np.argsort(-w, kind="stable")[:MOST_AMID] for w in weights]
        holds = between(scene.boxes, scene.boxes[rows[0]], scene.boxes[rows[1]])
        holds = holds * apart[:, rows[0], None] * apart[:, None, rows[1]]
        holds = holds * apart[np.ix_(rows[0], rows[1])]
        pairs = np.exp(weights[0][rows[0], None] + weights[1][None, rows[1]])
        truth = (holds * pairs).max(axis=(1, 2))
    else:
        holds = RELATIONS[relation.kind](scene.boxes, scene.boxes) * apart
        truth = (holds * np.exp(weights[0])).max(axis=1)
    if relation.negated:
        truth = 1 - truth
    return np.asarray(np.log(truth + np.exp(1.5 * FLOOR)))
