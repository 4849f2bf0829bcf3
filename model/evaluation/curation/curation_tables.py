"""Tables of a curation: precision of phrases' masks, and overlap of masks from true boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.intervals import ratio_interval
from model.evaluation.tables import Row, Table

PLAIN, ANY = "plain cosine", "any of its masks"
BOX, BEST = "the box itself", "best of its masks"
SHARES = (0.35, 0.5)  # of the judged phrases, those with the highest scores

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JudgedPhrases:
    """Judged phrases of one photo.

    Attributes:
        right: P×3 bool: whether the stages' mask is right, the plain try's, and any of all.
        score: P×2 float64, scores of the first two; NaN where a phrase has no mask.
    """

    right: NDArray[np.bool_]
    score: Floats


@dataclass(frozen=True, eq=False)
class DrawnRegions:
    """Regions of one photo, drawn from their true boxes.

    Attributes:
        iou: R×3 float64, each region's IoU with the mask that is drawn (0 where none is), with its
            box, and with the photo's own segment that fits it best.
        drawn: R bool, whether a mask is drawn.
        kinds: R kinds, as annotated.
    """

    iou: Floats
    drawn: NDArray[np.bool_]
    kinds: tuple[str, ...]


def phrase_table(group: str, stages: str, photos: Sequence[JudgedPhrases]) -> Table:
    """Precision of the masks of judged phrases.

    Args:
        group: name of the splits, for the title.
        stages: name of the column of what is measured.
        photos: each photo's phrases, at least one in all.
    """
    photo = np.repeat(np.arange(len(photos)), [len(each.right) for each in photos])
    right = np.concatenate([each.right for each in photos])
    score = np.concatenate([each.score for each in photos])
    everything = np.ones(right.shape, np.bool_)
    rows = _ratios("right, of all judged (no mask is wrong)", right, everything, photo)
    for share in SHARES:
        chosen = np.zeros_like(right)
        for column in range(2):
            best = first(score[:, column], share)
            chosen[best, column] = True
        rows += _ratios(f"right, of the surest {share:.0%}", right & chosen, chosen, photo)
    same = np.broadcast_to(~np.isnan(score[:, :1]), right.shape)  # the same phrases everywhere
    rows += _ratios("right, of those with a mask", right & same, same, photo)
    covered = np.column_stack([~np.isnan(score), np.zeros(len(score), np.bool_)])
    told = np.column_stack([everything[:, :2], np.zeros(len(score), np.bool_)])
    rows += _ratios("with a mask, of all judged", covered, told, photo)[:1]
    title = f"split {group}: masks of phrases that captions have for regions, IoU ≥ 0.5"
    return Table(title, "phrases", (stages, PLAIN, ANY), tuple(rows))


def first(score: Floats, share: float) -> NDArray[np.intp]:
    """Places of the share of all that have the highest scores, rounded, one at least.

    None where fewer than that have a score.

    Args:
        score: N float64; NaN where there is none.
        share: share of all N.
    """
    count = max(1, round(share * len(score)))
    if np.count_nonzero(~np.isnan(score)) < count:
        return np.zeros(0, np.intp)
    return np.argsort(-score, kind="stable")[:count]  # NaN comes last


def region_table(group: str, stages: str, photos: Sequence[DrawnRegions]) -> Table:
    """Mean IoU of masks from true boxes, by kinds, no mask as 0.

    Args:
        group: name of the splits, for the title.
        stages: name of the column of what is measured.
        photos: each photo's regions.
    """
    photo = np.repeat(np.arange(len(photos)), [len(each.drawn) for each in photos])
    iou = np.concatenate([each.iou for each in photos])
    drawn = np.concatenate([each.drawn for each in photos])
    kind = np.array([kind for each in photos for kind in each.kinds], np.str_)
    rows: list[Row] = []
    groups = {"all": np.ones(len(kind), np.bool_)}
    groups |= {f"kind {name}": kind == name for name in sorted(set(kind.tolist()))}
    for name, inside in groups.items():
        some = np.broadcast_to(inside[:, None], iou.shape)
        rows += _ratios(f"mIoU, {name}", iou * some, some, photo)
    some = np.broadcast_to(drawn[:, None], iou.shape)
    rows += _ratios("mIoU, of those with a mask", iou * some, some, photo)
    has = np.column_stack([drawn, np.zeros((len(drawn), 2), np.bool_)])
    told = np.zeros(iou.shape, np.bool_)
    told[:, 0] = True
    rows += _ratios("with a mask, of all", has, told, photo)[:1]
    title = f"split {group}: masks from the true boxes of named regions over 0.2 % of the photo"
    return Table(title, "regions", (stages, BOX, BEST), tuple(rows))


def _ratios(
    what: str, above: NDArray[np.generic], below: NDArray[np.bool_], photo: NDArray[np.intp]
) -> list[Row]:
    """A figure a column, `above` over `below`, and its bounds when photos are drawn anew."""
    low, high = ratio_interval(above, below, photo)
    upper, lower = above.astype(np.float64).sum(axis=0), below.sum(axis=0)
    figures = np.divide(upper, lower, out=np.full(len(upper), np.nan), where=lower > 0)
    count = int(lower[0])  # of what is measured
    return [
        Row(name, count, tuple(None if np.isnan(each) else float(each) for each in values))
        for name, values in ((what, figures), ("95 % from", low), ("… to", high))
    ]
