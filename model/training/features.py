"""The frozen trunk's features of annotated photos, made once and kept on disk."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from safetensors.numpy import load_file, save_file

from model import masks
from model.encoders.efficientnet import EfficientNetTrunk
from model.images import Image
from model.segmenter import Segmenter
from model.segments import Segments
from model.training.pairs import AnnotatedPhoto
from model.use.pooling import pooled_features

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Pooled features of the segments of many photos.

    Attributes:
        rows: M×C float16 pooled features.
        photo: M int64, which of the photos the row's segment is in.
        pair: M int64, which of the photo's pairs the segment is; -1 for a proposal.
        link_row, link_pair, link_iou, link_inside: L proposals that overlap a pair's mask: the
            row, the pair's number in its photo, their IoU (float32), and the share of the
            proposal that lies inside the mask (float32).
    """

    rows: NDArray[np.float16]
    photo: NDArray[np.int64]
    pair: NDArray[np.int64]
    link_row: NDArray[np.int64]
    link_pair: NDArray[np.int64]
    link_iou: NDArray[np.float32]
    link_inside: NDArray[np.float32]

    @classmethod
    def joined(cls, tables: Sequence[FeatureTable]) -> FeatureTable:
        """Several tables of the same photos' numbering as one."""
        first = np.cumsum([0, *(len(t.rows) for t in tables)])
        columns = {}
        for column in fields(cls):
            parts = [getattr(table, column.name) for table in tables]
            if column.name == "link_row":
                parts = [part + start for part, start in zip(parts, first, strict=False)]
            columns[column.name] = np.concatenate(parts)
        return cls(**columns)


class FeatureCache:
    """Features on disk, one file a source and kind.

    Args:
        folder: where the files are kept; made when missing.
        trunk: what makes the features.
        identity: anything that tells this trunk and segmenter from others.
    """

    def __init__(self, folder: Path, trunk: EfficientNetTrunk, identity: str) -> None:
        self._folder = folder
        self._trunk = trunk
        self._identity = identity
        folder.mkdir(parents=True, exist_ok=True)

    def annotated(self, photos: Sequence[AnnotatedPhoto], progress: Progress) -> FeatureTable:
        """Features of all pairs of all photos, and of each whole photo (pair -1) after them."""

        def rows(photo: AnnotatedPhoto, image: Image) -> _Part:
            whole = masks.encode(np.ones((1, *photo.size), np.bool_))
            counts = [pair.counts for pair in photo.pairs] + list(whole)
            segments = _bare_segments(photo.size, counts)
            pair = np.append(np.arange(len(photo.pairs)), -1)
            return _Part(self._pooled(image, segments), pair, [])

        return self._cached("annotated", photos, range(len(photos)), rows, progress)

    def proposals(
        self,
        photos: Sequence[AnnotatedPhoto],
        numbers: Sequence[int],
        segmenter: Segmenter,
        progress: Progress,
        others: int = 4,
    ) -> FeatureTable:
        """Features of the segmenter's proposals in the photos of these numbers.

        Of photos of the split `train` only those are kept that match a pair (IoU ≥ 0.5), and
        `others` more; of the rest all.
        """

        def rows(photo: AnnotatedPhoto, image: Image) -> _Part:
            segments = segmenter.segment(image)
            links = overlaps(segments, photo)
            if photo.split == "train":
                matched = {row for row, _, iou, _ in links if iou >= 0.5}
                free = [i for i in range(len(segments)) if i not in matched]
                step = max(len(free) // max(others, 1), 1)
                kept = sorted(matched | set(free[::step][:others]))
                place = {row: index for index, row in enumerate(kept)}
                segments = segments[np.array(kept, np.int64)]
                links = [(place[r], p, i, n) for r, p, i, n in links if r in place]
            pair = np.full(len(segments), -1, np.int64)
            return _Part(self._pooled(image, segments), pair, links)

        return self._cached("proposals", photos, numbers, rows, progress)

    def _pooled(self, image: Image, segments: Segments) -> NDArray[np.float16]:
        pooled = pooled_features(self._trunk.features(image), segments)
        return pooled.numpy().astype(np.float16)

    def _cached(
        self,
        kind: str,
        photos: Sequence[AnnotatedPhoto],
        chosen: Sequence[int],
        rows: Callable[[AnnotatedPhoto, Image], _Part],
        progress: Progress,
    ) -> FeatureTable:
        by_source: dict[str, list[int]] = defaultdict(list)
        for number in chosen:
            by_source[photos[number].source].append(number)
        tables = []
        for source, numbers in by_source.items():
            content = repr([(photos[n].path.name, photos[n].split) for n in numbers])
            key = hashlib.sha256((self._identity + kind + content).encode()).hexdigest()[:12]
            file = self._folder / f"{source}-{kind}-{key}.safetensors"
            if not file.is_file():
                progress(f"{kind} features of {len(numbers)} photos of {source}")
                parts = [rows(photos[n], read_pixels(photos[n].path)) for n in numbers]
                save_file(_columns(parts), file.with_suffix(".part"))
                file.with_suffix(".part").replace(file)
            columns = load_file(file)
            columns["photo"] = np.array(numbers, np.int64)[columns["photo"]]
            tables.append(FeatureTable(**columns))
        return FeatureTable.joined(tables)


def read_pixels(path: Path) -> Image:
    """A corpus photo (upright RGB at its final size) as an image."""
    with PillowImage.open(path) as file:
        pixels = np.asarray(file.convert("RGB"))
    return Image(pixels, (pixels.shape[0], pixels.shape[1]))


Link = tuple[int, int, float, float]


def overlaps(segments: Segments, photo: AnnotatedPhoto) -> list[Link]:
    """(segment, pair, IoU, share of the segment inside) of all that overlap noticeably.

    Pairs that cover the whole photo (captions) are left out: they name no region.
    """
    named = [i for i, pair in enumerate(photo.pairs) if pair.kind != "photo"]
    if not named or not len(segments):
        return []
    full = masks.decode([photo.pairs[i].counts for i in named], photo.size)
    small = np.stack([_resized(mask, segments.size) for mask in full])
    counts = masks.encode(small)
    iou = masks.iou(segments.counts, counts, segments.size)
    sums = segments.areas[:, None] + masks.areas(counts, segments.size)[None, :]
    inside = iou / (1 + iou) * sums / segments.areas[:, None]
    return [
        (int(row), named[column], float(iou[row, column]), float(inside[row, column]))
        for row, column in zip(*np.nonzero((iou >= 0.1) | (inside >= 0.3)), strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Part:
    rows: NDArray[np.float16]
    pair: NDArray[np.int64]
    links: list[Link]


def _columns(parts: Sequence[_Part]) -> dict[str, NDArray[np.generic]]:
    first = np.cumsum([0, *(len(part.rows) for part in parts)])
    links = [
        (row + start, pair, iou, inside)
        for part, start in zip(parts, first, strict=False)
        for row, pair, iou, inside in part.links
    ]
    table = np.array(links, np.float64).reshape(-1, 4)
    return {
        "rows": np.concatenate([part.rows for part in parts]),
        "photo": np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts]),
        "pair": np.concatenate([part.pair for part in parts]).astype(np.int64),
        "link_row": table[:, 0].astype(np.int64),
        "link_pair": table[:, 1].astype(np.int64),
        "link_iou": table[:, 2].astype(np.float32),
        "link_inside": table[:, 3].astype(np.float32),
    }


def _bare_segments(size: tuple[int, int], counts: Sequence[bytes]) -> Segments:
    """Segments without their hierarchy, which nothing here asks for."""
    n = len(counts)
    return Segments(
        size,
        tuple(counts),
        masks.boxes(counts, size),
        masks.areas(counts, size),
        np.ones(n, np.float32),
        np.full(n, -1, np.int64),
    )


def _resized(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    image = PillowImage.fromarray(mask)
    return np.asarray(image.resize((size[1], size[0]), PillowImage.Resampling.NEAREST))
