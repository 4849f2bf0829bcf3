"""One look at every photo: vectors of its true regions, of itself, and of segmenters' masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.datasets.ground_truth import TruePhoto, Truth, bare_segments
from model.embedder import Embedder
from model.evaluation.baselines import ImageNetNames, crop_vectors
from model.evaluation.looking import Looking
from model.evaluation.masks.mask_recall import in_photo_frame
from model.evaluation.retrieval.colour_queries import colour_shares
from model.evaluation.retrieval.colour_survey import surveyed_terms
from model.evaluation.retrieval.position_queries import mask_centres
from model.masks import rle
from model.masks.grouping import NOTICED, NOTICED_INSIDE, suppress_duplicates
from model.masks.segments import Segments
from model.photos.colour_terms import colour_terms
from model.photos.images import Image
from model.segmenter import Segmenter


@dataclass(frozen=True, eq=False)
class Proposals:
    """P masks that a segmenter made of many photos.

    Attributes:
        vectors: P×D float32 unit vectors.
        photo: P int64, the number of each one's photo.
        link_row, link_region: L pairs of a proposal and a true region that overlap noticeably.
        link_iou, link_inside: IoU of each pair, and the share of the proposal inside the region
            (float64).
        areas: P int64, pixels of the masks; empty where nothing is known of their overlaps.
        overlaps: N×N IoUs among the masks of each photo.
    """

    vectors: NDArray[np.float32]
    photo: NDArray[np.int64]
    link_row: NDArray[np.int64]
    link_region: NDArray[np.int64]
    link_iou: NDArray[np.float64]
    link_inside: NDArray[np.float64]
    areas: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    overlaps: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)

    def answering(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Q×P: which proposals a search would show, all others being stood for by better ones.

        Args:
            scores: Q×P.
        """
        shown = np.ones(scores.shape, np.bool_)
        for photo, iou in self.overlaps.items():
            rows = np.flatnonzero(self.photo == photo)
            shown[:, rows] = suppress_duplicates(scores[:, rows], iou, self.areas[rows])
        return shown

    def of_photos(self, photos: NDArray[np.int64]) -> Proposals:
        """Observations of some photos, which keep their numbers; links of others are dropped."""
        kept = np.isin(self.photo, photos)
        place = np.cumsum(kept) - 1
        linked = kept[self.link_row]
        return Proposals(
            self.vectors[kept],
            self.photo[kept],
            place[self.link_row[linked]],
            self.link_region[linked],
            self.link_iou[linked],
            self.link_inside[linked],
            self.areas[kept] if len(self.areas) else self.areas,
            {photo: iou for photo, iou in self.overlaps.items() if photo in photos},
        )


@dataclass(frozen=True, eq=False)
class Observations:
    """Observations that an embedder makes of n photos with M true regions that have names.

    Attributes:
        phrases: names of each region.
        kind: M str, of each region.
        photo: M int64, the number of each region's photo.
        area: M float64, as a share of the photo.
        colours: M×11 float32, shares of the colour terms under each region.
        surveyed: the same, of the terms that the people of a survey would use.
        regions: M×D float32 unit vectors of the true regions.
        crops: the same of their bounding boxes, each embedded as a photo; None if not asked for.
        whole: n×D float32 unit vectors of the photos.
        imagenet: n×D float32 unit vectors of what a classifier says of the photos; None if not
            asked for.
        proposals: candidate masks by the name of the segmenter.
        centres: M×2 float64, of the regions' masks, as shares of the photo's sides from its top
            left; empty where nothing is known of them.
    """

    phrases: tuple[tuple[str, ...], ...]
    kind: NDArray[np.str_]
    photo: NDArray[np.int64]
    area: NDArray[np.float64]
    colours: NDArray[np.float32]
    surveyed: NDArray[np.float32]
    regions: NDArray[np.float32]
    crops: NDArray[np.float32] | None
    whole: NDArray[np.float32]
    imagenet: NDArray[np.float32] | None
    proposals: Mapping[str, Proposals]
    centres: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))


Seers = Callable[[], tuple[Embedder, Mapping[str, Segmenter]]]
"""Makes an embedder, and segmenters by name."""


def observe(
    truth: Truth,
    seers: Seers,
    looking: Looking,
    baselines: bool = False,
    side: int | None = None,
) -> tuple[Truth, Observations]:
    """See every photo once; what is seen, and the truth of the photos that were.

    Args:
        truth: the photos.
        seers: maker of the embedder whose vectors they are, and of the segmenters whose masks are
            embedded.
        looking: way in which the photos are looked at.
        baselines: whether the true regions' boxes are embedded too, and the photos by the names
            of ImageNet's classes; slow.
        side: longer side at which photos are read, pixels; by default their own.
    """
    seen = looking.at(partial(_looker, seers, baselines, side), truth.photos)
    truth, gathered = replace(truth, photos=tuple(photo for photo, _ in seen)), [s for _, s in seen]
    counts = [len(photo.named) for photo in truth.photos]
    regions = [region for photo in truth.photos for region in photo.named]
    return truth, Observations(
        tuple(region.phrases for region in regions),
        np.array([region.kind for region in regions], np.str_),
        np.repeat(np.arange(len(counts)), counts),
        np.concatenate([part.area for part in gathered]),
        np.concatenate([part.colours for part in gathered]),
        np.concatenate([part.surveyed for part in gathered]),
        np.concatenate([part.regions for part in gathered]),
        np.concatenate([part.crops for part in gathered]) if baselines else None,
        np.concatenate([part.whole for part in gathered]),
        np.concatenate([part.imagenet for part in gathered]) if baselines else None,
        {name: _joined([part.own[name] for part in gathered], counts) for name in gathered[0].own},
        np.concatenate([part.centres for part in gathered]),
    )


def overlaps_with(
    segments: Segments, named: Segments
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """N×M IoUs of a photo's masks with its regions, and the shares of each mask inside each region.

    Args:
        segments: N masks, in any frame of the photo's shape.
        named: M regions, at the photo's size.
    """
    if not len(named):
        return np.zeros((len(segments), 0)), np.zeros((len(segments), 0))
    counts = in_photo_frame(segments, named.size)
    areas = rle.areas(counts, named.size)[:, None]
    iou = rle.iou(counts, named.counts, named.size)
    return iou, iou / (1 + iou) * (areas + named.areas[None, :]) / np.maximum(areas, 1)


@dataclass(frozen=True, eq=False)
class _Own:
    """A segmenter's N masks of one photo: their vectors, areas, overlaps with each other and
    with its M regions."""

    vectors: NDArray[np.float32]
    areas: NDArray[np.int64]
    each_other: NDArray[np.float32]
    iou: NDArray[np.float64]
    inside: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Look:
    area: NDArray[np.float64]
    centres: NDArray[np.float64]
    colours: NDArray[np.float32]
    surveyed: NDArray[np.float32]
    regions: NDArray[np.float32]
    crops: NDArray[np.float32]
    whole: NDArray[np.float32]
    imagenet: NDArray[np.float32]
    own: Mapping[str, _Own]


def _looker(seers: Seers, baselines: bool, side: int | None) -> Callable[[TruePhoto], _Look]:
    embedder, segmenters = seers()
    names = None
    if baselines:
        names = ImageNetNames(lambda texts: embedder.embed_texts(texts).vectors)
    return lambda photo: _look(photo, embedder, segmenters, names, side)


def _look(
    photo: TruePhoto,
    embedder: Embedder,
    segmenters: Mapping[str, Segmenter],
    names: ImageNetNames | None,
    side: int | None,
) -> _Look:
    image = photo.read(side)
    full = image if image.size == photo.size else photo.read()
    counts = [region.counts for region in photo.named]
    segments = bare_segments(photo.size, counts).with_whole()
    vectors = embedder.embed_segments(image, segments).vectors
    named = segments[: len(counts)]
    own = {name: _own(maker, embedder, image, named) for name, maker in segmenters.items()}
    # crops last: until then models that remember the last photo need not look again
    imagenet = names.vector(image)[None] if names else vectors[:0]
    crops = crop_vectors(embedder, full, named) if names else vectors[:0]
    return _Look(
        named.areas / (photo.size[0] * photo.size[1]),
        mask_centres(counts, photo.size),
        colour_shares(colour_terms(full.pixels), counts, photo.size),
        colour_shares(surveyed_terms(full.pixels), counts, photo.size),
        vectors[:-1],
        crops,
        vectors[-1:],
        imagenet,
        own,
    )


def _own(segmenter: Segmenter, embedder: Embedder, image: Image, named: Segments) -> _Own:
    segments = segmenter.segment(image)
    vectors = embedder.embed_segments(image, segments).vectors
    each_other = rle.iou(segments.counts, segments.counts, segments.size).astype(np.float32)
    own = (vectors, segments.areas, each_other)
    return _Own(*own, *overlaps_with(segments, named))


def _joined(parts: Sequence[_Own], regions: Sequence[int]) -> Proposals:
    """The parts of all photos as one, with rows and regions numbered through."""
    sizes = [len(part.vectors) for part in parts]
    first_row, first_region = np.cumsum([0, *sizes]), np.cumsum([0, *regions])
    rows, columns, iou, inside = [], [], [], []
    for number, part in enumerate(parts):
        near = (part.iou >= NOTICED) | (part.inside >= NOTICED_INSIDE)
        row, column = np.nonzero(near)
        rows.append(row + first_row[number])
        columns.append(column + first_region[number])
        iou.append(part.iou[near])
        inside.append(part.inside[near])
    return Proposals(
        np.concatenate([part.vectors for part in parts]),
        np.repeat(np.arange(len(parts)), sizes),
        np.concatenate(rows),
        np.concatenate(columns),
        np.concatenate(iou),
        np.concatenate(inside),
        np.concatenate([part.areas for part in parts]),
        {photo: part.each_other for photo, part in enumerate(parts)},
    )
