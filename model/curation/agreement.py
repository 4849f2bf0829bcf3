"""Agreement: whether the referring stage picks for an expression the mask that its head was given.

Detectors do not heed places and relations, so a whole expression is kept for the one mask that
`model.referring` finds for it, and only where that is a mask of the same phrase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from model.curation.records import Box, Loss
from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.parse import parse
from model.referring.referrer import Referrer
from model.referring.scoring import Scene

ELSEWHERE = "the expression means another mask by the referring stage"


def with_expressions(
    image: Image, masks: Segments, boxes: Sequence[Box], referrer: Referrer
) -> tuple[tuple[Box, ...], tuple[Loss, ...]]:
    """The boxes, each with those texts that hold of its mask, and expressions that hold of none.

    Args:
        image: the photo.
        masks: N masks, of all phrases.
        boxes: N boxes that they were drawn for.
        referrer: resolver of expressions.
    """
    told: dict[int, list[str]] = {number: [box.phrase.head] for number, box in enumerate(boxes)}
    losses: list[Loss] = []
    grown = {box.phrase: box for box in boxes if box.phrase.text != box.phrase.head}
    if grown:
        views, scene = referrer.look(image, masks), Scene.of(masks)
        for phrase in grown:
            best = int(referrer.scores_of(views, scene, parse(phrase.text)).best()[0])
            if boxes[best].phrase == phrase:
                told[best].insert(0, phrase.text)
            else:
                losses.append(Loss(phrase.text, ELSEWHERE, boxes[best].xyxy))
    kept = (replace(box, texts=tuple(told[number])) for number, box in enumerate(boxes))
    return tuple(kept), tuple(losses)
