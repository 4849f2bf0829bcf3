"""KeptSegment: a segment or a place that is found again when ids, the index or the preset change.

Ids of a photo's segments change when proposals are kept or it is segmented anew. Kept are the
digests that its photo is known by, its mask, and its vector with the space that it lives in.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from indexer.catalog.records import PhotoRow, SegmentRow
from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import QueryError
from model.masks import resizing, rle
from model.masks.grouping import SAME
from model.masks.runs import area_of
from searchengine.user_data.json_fields import Fields

_DIGEST = 32
_MOST_PIXELS = 1 << 26
_MOST_COMPONENTS = 1 << 14


@dataclass(frozen=True, eq=False)
class KeptMask:
    """A mask in its working frame.

    Attributes:
        frame: (height, width) in pixels.
        counts: COCO compressed run lengths.
    """

    frame: tuple[int, int]
    counts: bytes


@dataclass(frozen=True, eq=False)
class KeptSegment:
    """A segment of a photo, a place in it, or the photo as a whole.

    Attributes:
        path: path that the photo was found at, for people; "" where that is not known.
        content_hash: BLAKE3 hash of the photo's file, 32 bytes; None where nothing but the vector
            is known.
        pixel_digest: digest of its pixels, where that is known.
        mask: mask of the segment; None where no segment of the index was meant.
        whole: whether the photo as a whole is meant.
        vector: D float32, of length 1.
        space: embedding space of the vector.
    """

    path: str
    content_hash: bytes | None
    pixel_digest: bytes | None
    mask: KeptMask | None
    vector: NDArray[np.float32]
    space: EmbeddingSpace
    whole: bool = False

    @classmethod
    def of(
        cls,
        photo: PhotoRow,
        segment: SegmentRow | None,
        vector: NDArray[np.float32],
        space: EmbeddingSpace,
    ) -> KeptSegment:
        """A segment of the index, or a photo of it as a whole.

        Args:
            photo: its photo.
            segment: its row; None for the photo.
            vector: D float32.
            space: embedding space of the index.
        """
        mask = None if segment is None else KeptMask(segment.frame, segment.counts)
        known = (photo.path, photo.content_hash, photo.pixel_digest)
        return cls(*known, mask, vector, space, whole=segment is None)

    @property
    def item(self) -> str:
        """Text by which it is told from all else that is kept."""
        vector = np.asarray(self.vector, "<f2").tobytes()
        if self.content_hash is None:
            return hashlib.sha256(vector).hexdigest()
        mask = b"" if self.whole else vector
        if self.mask is not None:
            mask = repr((self.mask.frame, self.mask.counts)).encode()
        return f"{self.content_hash.hex()}-{hashlib.sha256(mask).hexdigest()[:32]}"

    @property
    def name(self) -> str:
        """Name for people."""
        photo = Path(self.path).name
        if not photo:
            return "a vector"
        return photo if self.whole else f"a segment of {photo}"

    def photo_in(self, catalog: CatalogReader) -> int | None:
        """Id of its photo in an index, by content or else by pixels; None where it has none."""
        found = None
        if self.content_hash is not None:
            found = catalog.photo_by_hash(self.content_hash)
        if found is None and self.pixel_digest is not None:
            found = catalog.photo_by_pixels(self.pixel_digest)
        return found

    def segment_in(self, catalog: CatalogReader) -> SegmentRow | None:
        """The segment of an index that has this very mask, or the one that fits it best.

        None where the photo is not there, or no mask of it overlaps by IoU ≥ 0.5.
        """
        photo_id = self.photo_in(catalog)
        rows = [] if photo_id is None or self.mask is None else catalog.segments_of(photo_id)
        if not rows or self.mask is None:
            return None
        for row in rows:
            if (row.frame, row.counts) == (self.mask.frame, self.mask.counts):
                return row
        frame = rows[0].frame
        mask = resizing.resize_mask(self.mask.counts, self.mask.frame, frame)
        overlaps = rle.iou([mask], [row.counts for row in rows], frame)[0]
        best = int(overlaps.argmax())
        return rows[best] if overlaps[best] >= SAME else None

    def vector_in(self, catalog: CatalogReader) -> Embeddings | None:
        """Its vector (1×D) in the space of an index.

        That which is kept, where the space is the same; else that of the segment or the photo as
        the index has it now; None where the index holds neither.
        """
        space = catalog.manifest.space
        if self.space == space:
            return Embeddings(self.vector[None], space)
        if self.whole:
            photo_id = self.photo_in(catalog)
            return (
                None
                if photo_id is None
                else Embeddings.unit(catalog.photo_vector(photo_id)[None], space)
            )
        row = self.segment_in(catalog)
        return None if row is None else Embeddings.unit(catalog.vectors_of([row.id]), space)

    def to_dict(self, *, vector: bool = True) -> dict[str, Any]:
        """The segment as JSON has it.

        Args:
            vector: whether its vector is told (base64 of float16, little end first).
        """
        mask = self.mask
        told: dict[str, Any] = {
            "path": self.path,
            "content_hash": None if self.content_hash is None else self.content_hash.hex(),
            "pixel_digest": None if self.pixel_digest is None else self.pixel_digest.hex(),
            "whole": self.whole,
            "segmentation": None
            if mask is None
            else {"size": list(mask.frame), "counts": mask.counts.decode("ascii")},
            "space": {
                "name": self.space.name,
                "dimension": self.space.dimension,
                "fingerprint": self.space.fingerprint,
            },
        }
        if vector:
            halves = np.asarray(self.vector, "<f2").tobytes()
            told["vector"] = base64.b64encode(halves).decode("ascii")
        return told

    @classmethod
    def from_dict(cls, record: object) -> KeptSegment:
        """The segment that JSON tells of.

        Raises:
            QueryError: the record tells of none.
        """
        fields = Fields(record, "a kept segment")
        space = fields.inner("space")
        dimension = space.whole("dimension")
        found = EmbeddingSpace(space.text("name"), dimension, space.text("fingerprint"))
        content_hash = fields.hex("content_hash") if fields.has("content_hash") else None
        digest = fields.hex("pixel_digest") if fields.has("pixel_digest") else None
        packed = fields.packed("vector")
        sound = 0 < dimension <= _MOST_COMPONENTS and len(packed) == 2 * dimension
        if not sound or (content_hash is not None and len(content_hash) != _DIGEST):
            raise QueryError("a kept segment is not understood", "write it as it was exported")
        vector = np.frombuffer(packed, "<f2").astype(np.float32)
        length = float(np.linalg.norm(vector))
        if not 0.5 < length < 2:
            raise QueryError("a kept vector is not of length 1", "write it as it was exported")
        mask = _mask(fields.inner("segmentation")) if fields.has("segmentation") else None
        known = (fields.text("path"), content_hash, digest)
        unit = vector / np.float32(length)
        return cls(*known, mask, unit, found, whole=fields.flag("whole", False))


def _mask(fields: Fields) -> KeptMask:
    """The mask of COCO's record, measured before any library is given it.

    Raises:
        QueryError: the run lengths do not fill the frame.
    """
    size = fields.many("size")
    whole = len(size) == 2 and all(type(side) is int and side > 0 for side in size)
    if not whole or size[0] * size[1] > _MOST_PIXELS:
        raise QueryError("a kept mask has no size", "write it as it was exported")
    frame = (int(size[0]), int(size[1]))
    counts = fields.text("counts").encode("utf-8", "replace")
    try:
        area_of(counts, frame)
    except ValueError as error:
        raise QueryError(
            f"a kept mask is not understood ({error})", "write it as it was exported"
        ) from None
    return KeptMask(frame, counts)
