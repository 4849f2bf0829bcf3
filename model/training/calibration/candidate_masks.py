"""What an index would hold of annotated photos: vectors of segments, and what they overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.datasets.corpus import AnnotatedPhoto
from model.embedder import Embedder
from model.masks import rle
from model.masks.grouping import NOTICED, NOTICED_INSIDE
from model.masks.segments import Segments
from model.photos.images import read_image
from model.segmenter import Segmenter

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class CandidateMasks:
    """M segments of many photos, of each photo the whole of it, too.

    Attributes:
        vectors: M×D float32 unit vectors.
        photo: M int64, which of the photos each is in.
        link_row, link_pair, link_iou, link_inside: L proposals that overlap a pair's mask: the
            row, the pair's number in its photo, their IoU (float32), and the share of the
            proposal that lies inside the mask (float32).
    """

    vectors: NDArray[np.float32]
    photo: NDArray[np.int64]
    link_row: NDArray[np.int64]
    link_pair: NDArray[np.int64]
    link_iou: NDArray[np.float32]
    link_inside: NDArray[np.float32]


def proposals_of(
    photos: Sequence[AnnotatedPhoto],
    numbers: Sequence[int],
    segmenter: Segmenter,
    embedders: Sequence[Embedder],
    progress: Progress,
) -> list[CandidateMasks]:
    """Proposals of the models on the photos of these numbers: one table for each embedder."""
    vectors = [[np.zeros((0, each.space.dimension), np.float32)] for each in embedders]
    of_photo: list[int] = []
    links: list[Link] = []
    for done, number in enumerate(numbers):
        if done % 100 == 0:
            progress(f"proposals on {done} of {len(numbers)} photos")
        image = read_image(photos[number].path)
        segments = segmenter.segment(image).with_whole()
        first = len(of_photo)
        links += [
            (row + first, pair, iou, inside)
            for row, pair, iou, inside in overlaps(segments, photos[number])
        ]
        for embedder, own in zip(embedders, vectors, strict=True):
            own.append(embedder.embed_segments(image, segments).vectors)
        of_photo += [number] * len(segments)
    table = np.array(links, np.float64).reshape(-1, 4)
    return [
        CandidateMasks(
            np.concatenate(own),
            np.array(of_photo, np.int64),
            table[:, 0].astype(np.int64),
            table[:, 1].astype(np.int64),
            table[:, 2].astype(np.float32),
            table[:, 3].astype(np.float32),
        )
        for own in vectors
    ]


Link = tuple[int, int, float, float]


def overlaps(segments: Segments, photo: AnnotatedPhoto) -> list[Link]:
    """(segment, pair, IoU, share of the segment inside) of all that overlap noticeably.

    Pairs that cover the whole photo (captions) are left out: they name no region.
    """
    named = [i for i, pair in enumerate(photo.pairs) if pair.kind != "photo"]
    if not named or not len(segments):
        return []
    full = rle.decode([photo.pairs[i].counts for i in named], photo.size)
    small = np.stack([_resized(mask, segments.size) for mask in full])
    counts = rle.encode(small)
    iou = rle.iou(segments.counts, counts, segments.size)
    sums = segments.areas[:, None] + rle.areas(counts, segments.size)[None, :]
    inside = iou / (1 + iou) * sums / segments.areas[:, None]
    return [
        (int(row), named[column], float(iou[row, column]), float(inside[row, column]))
        for row, column in zip(
            *np.nonzero((iou >= NOTICED) | (inside >= NOTICED_INSIDE)), strict=True
        )
    ]


def _resized(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    image = PillowImage.fromarray(mask)
    return np.asarray(image.resize((size[1], size[0]), PillowImage.Resampling.NEAREST))
