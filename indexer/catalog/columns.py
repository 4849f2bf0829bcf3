"""Columns: what is known of all photos and segments as arrays, for counts over a million."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Codes = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PhotoColumns:
    """What is known of P photos, by ascending id.

    Attributes:
        ids: P int64.
        first_segments: P int64, id of each photo's first segment.
        segment_counts: P int64; a photo's segments have ids that follow each other.
        taken: P datetime64[s], naive local time; NaT where a photo tells none.
        hashes: P int64, perceptual hashes.
        cameras: names of cameras.
        camera: P int32, places in `cameras`; -1 where a photo names none.
        formats: names of formats.
        format: P int32, places in `formats`.
        folders: absolute paths of folders, without a "/" at the end.
        folder: P int32, place in `folders` of the first of the photo's files, by path.
    """

    ids: Ids
    first_segments: Ids
    segment_counts: Ids
    taken: NDArray[np.datetime64]
    hashes: Ids
    cameras: tuple[str, ...]
    camera: Codes
    formats: tuple[str, ...]
    format: Codes
    folders: tuple[str, ...]
    folder: Codes

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[Any]]) -> PhotoColumns:
        """Columns of rows by ascending id: id, first_segment, segment_count, taken_at,
        perceptual_hash, camera and format of a photo, and the first path of its files."""
        numbers = np.array([(row[0], row[1], row[2], row[4]) for row in rows], np.int64)
        ids, first, count, hashes = numbers.reshape(-1, 4).T
        cameras, camera = _coded(row[5] for row in rows)
        formats, format_ = _coded(row[6] for row in rows)
        folders, folder = _coded(_folder(row[7]) for row in rows)
        return cls(
            ids,
            first,
            count,
            np.array([row[3] for row in rows], "datetime64[s]"),
            hashes,
            cameras,
            camera,
            formats,
            format_,
            folders,
            folder,
        )

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class SegmentColumns:
    """Where and how large N segments are, by ascending id.

    Attributes:
        ids: N int64.
        photo_ids: N int64, photo that each lies in.
        areas: N float32, share of the photo.
        centres: N×2 float32, x and y of the middle of each box, as shares of width and height.
    """

    ids: Ids
    photo_ids: Ids
    areas: Floats
    centres: Floats

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls) -> SegmentColumns:
        """No segments."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros(0, np.float32),
            np.zeros((0, 2), np.float32),
        )

    def joined(self, later: SegmentColumns) -> SegmentColumns:
        """These, and others whose ids are all higher."""
        return SegmentColumns(
            np.concatenate([self.ids, later.ids]),
            np.concatenate([self.photo_ids, later.photo_ids]),
            np.concatenate([self.areas, later.areas]),
            np.concatenate([self.centres, later.centres]),
        )

    def chosen(self, places: NDArray[np.bool_]) -> SegmentColumns:
        """Those at the places that are true."""
        return SegmentColumns(
            self.ids[places], self.photo_ids[places], self.areas[places], self.centres[places]
        )


def _coded(values: Iterable[str | None]) -> tuple[tuple[str, ...], Codes]:
    """Distinct values, and the place among them of each; -1 for none."""
    places: dict[str, int] = {}
    codes = [-1 if v is None else places.setdefault(v, len(places)) for v in values]
    return tuple(places), np.array(codes, np.int32)


def _folder(path: bytes | str | None) -> str:
    return os.path.dirname(os.fsdecode(path or b"")) or "/"  # noqa: PTH120
