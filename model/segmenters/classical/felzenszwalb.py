"""Segments without learning: graph-based regions at several scales, and merged neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab
from skimage.segmentation import felzenszwalb

from model.masks.nms import coverage_iou, greedy_nms
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter
from model.segmenters.classical.merging import Appearance, Neighbours, merge_tree

GRID = 64


class FelzenszwalbSegmenter(Segmenter):
    """Felzenszwalb's regions at several scales, and the unions that greedy merging makes of them.

    Args:
        side: the working frame's longer side, pixels.
        scales: felzenszwalb's observation levels; a higher one gives larger regions.
        merged: number of the scales, from the finest, that are merged hierarchically.
        sigma: blur before segmentation, pixels.
        smallest: least area of a segment, as a share of the photo.
        largest: greatest area of a segment, as a share of the photo.
        most: segments returned at most, the best ones.
        overlap: IoU above which the better of two segments is kept.
    """

    def __init__(
        self,
        side: int = 320,
        scales: Sequence[float] = (50.0, 150.0, 400.0),
        merged: int = 2,
        sigma: float = 0.6,
        smallest: float = 0.002,
        largest: float = 0.9,
        most: int = 100,
        overlap: float = 0.7,
    ) -> None:
        self._side = side
        self._scales = tuple(scales)
        self._merged = merged
        self._sigma = sigma
        self._smallest = smallest
        self._largest = largest
        self._most = most
        self._overlap = overlap

    def __repr__(self) -> str:
        settings = ", ".join(f"{name[1:]}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"

    def segment(self, image: Image) -> Segments:
        """Segments in a frame whose longer side is at most `side`, best first."""
        pixels = image.reduced(self._side).pixels
        size = (pixels.shape[0], pixels.shape[1])
        least = max(int(self._smallest * size[0] * size[1]), 4)
        if min(size) < 8:
            return Segments.from_masks(np.ones((1, *size), np.bool_))
        lab = np.asarray(rgb2lab(pixels), np.float32)
        edges = _edge_strength(lab)
        candidates = [
            self._candidates(pixels, lab, edges, scale, index < self._merged, least)
            for index, scale in enumerate(self._scales)
        ]
        quality, cover = _judge(candidates)
        alike = coverage_iou(cover, cover) > self._overlap
        kept = greedy_nms(alike, quality, self._most)
        owner = np.repeat(np.arange(len(candidates)), [len(c.member) for c in candidates])
        first = np.cumsum([0] + [len(c.member) for c in candidates])
        chosen = np.stack([candidates[owner[k]].mask(int(k - first[owner[k]])) for k in kept])
        return Segments.from_masks(chosen, quality[kept])

    def _candidates(
        self,
        pixels: NDArray[np.uint8],
        lab: NDArray[np.float32],
        edges: NDArray[np.float32],
        scale: float,
        merged: bool,
        least: int,
    ) -> _Candidates:
        labels = np.asarray(
            felzenszwalb(pixels, scale=scale, sigma=self._sigma, min_size=least), np.int64
        )
        neighbours = Neighbours.of(labels, edges)
        area = np.bincount(labels.ravel())
        member = np.eye(len(area), dtype=np.bool_)
        if merged:
            unions = merge_tree(neighbours, Appearance.of(labels, lab), self._largest * labels.size)
            member = np.concatenate([member, unions])
        large_enough = member @ area.astype(np.float64)
        fits = (large_enough >= least) & (large_enough <= self._largest * labels.size)
        if not fits.any():  # one even surface: the photo itself is the segment
            fits[large_enough.argmax()] = True
        return _Candidates(labels, member[fits], neighbours)


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Unions of the regions of one partition: `member` is M×R over `labels` (H×W)."""

    labels: NDArray[np.int64]
    member: NDArray[np.bool_]
    neighbours: Neighbours

    def mask(self, index: int) -> NDArray[np.bool_]:
        chosen: NDArray[np.bool_] = self.member[index]
        return np.asarray(chosen[self.labels])

    def area(self) -> NDArray[np.float64]:
        """M areas, as shares of the photo."""
        return (self.member @ np.bincount(self.labels.ravel())) / self.labels.size

    def cover(self) -> NDArray[np.float32]:
        """M×cells, the share of each grid cell that the union covers."""
        height, width = self.labels.shape
        h, w = min(GRID, height), min(GRID, width)
        rows, columns = np.arange(height) * h // height, np.arange(width) * w // width
        cell = rows[:, None] * w + columns
        regions = self.member.shape[1]
        table = np.bincount((self.labels * (h * w) + cell).ravel(), minlength=regions * h * w)
        pixels = np.bincount(cell.ravel(), minlength=h * w)
        share = (table.reshape(regions, h * w) / pixels).astype(np.float32)
        return self.member.astype(np.float32) @ share

    def framed(self) -> NDArray[np.float64]:
        """M shares of the photo's frame that the union touches."""
        labels, regions = self.labels, self.member.shape[1]
        frame = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        return (self.member @ np.bincount(frame, minlength=regions)) / frame.size

    def contrast(self) -> NDArray[np.float32]:
        """M numbers in [0, 1): edge strength along the outline against that inside."""
        one, other = self.member[:, self.neighbours.pairs.T].transpose(1, 0, 2)
        outline, inside = (one ^ other).astype(np.float32), (one & other).astype(np.float32)
        lengths, contrasts = self.neighbours.lengths, self.neighbours.contrasts
        around = (outline @ contrasts) / np.maximum(outline @ lengths, 1)
        within = (inside @ contrasts) / np.maximum(inside @ lengths, 1)
        return np.asarray(around / (around + within + 4), np.float32)


def _judge(
    candidates: Sequence[_Candidates],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Quality and coverage of all candidates, partition after partition.

    Quality is the expected IoU with something that people would outline, from what agrees with
    it in the other partitions, how its outline stands out, its area and how much of the photo's
    frame it touches; fitted by least squares to the outlines of 230 photos.
    """
    covers = [c.cover() for c in candidates]
    cover = np.concatenate(covers)
    similar = coverage_iou(cover, cover)
    start, found_again = 0, np.zeros(len(cover), np.float32)
    for part in covers:
        end = start + len(part)
        outside = np.ones(len(cover), np.bool_)
        outside[start:end] = False
        best = similar[:, start:end].max(axis=1)
        found_again[outside] += best[outside]
        start = end
    agreement = found_again / max(len(covers) - 1, 1)
    distinct = np.concatenate([c.contrast() for c in candidates])
    log_area = np.log(np.concatenate([c.area() for c in candidates]))
    framed = np.concatenate([c.framed() for c in candidates])
    quality = (
        0.607
        + 0.184 * agreement
        + 0.025 * distinct
        + 0.204 * log_area
        + 0.0165 * log_area**2
        - 0.398 * framed
    )
    return np.clip(quality, 0, 1).astype(np.float32), cover


def _edge_strength(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """H×W largest colour step (ΔE) to the right or the lower neighbour."""
    strength = np.zeros(lab.shape[:2], np.float32)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(lab, axis=axis), axis=2)
        here = strength[:-1] if axis == 0 else strength[:, :-1]
        np.maximum(here, step, out=here)
    return strength
