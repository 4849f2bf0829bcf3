"""Looking: what becomes of photo files, read, segmented and embedded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog.records import FileStamp, IndexedPhoto, ReadPhoto
from model.errors import ModelError, ModelsFail, PhotoError, shown
from model.photos.perceptual_hash import perceptual_hash as unsigned_hash
from model.presets.preset import Models, Preset

if TYPE_CHECKING:
    from model.photos.images import Photo

Known = Callable[[list[bytes]], list[bool]]
"""Tells which of some digests of pixels a photo of the index has."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of one photo: what is indexed of it, or why nothing is.

    Attributes:
        path: the file.
        photo: indexed photo; None if it was skipped, or shows what is known.
        known: photo as it was read, where its pixels are known, so that nobody looked at it.
        thumbnail: JPEG file of the photo at thumbnail's size; empty where none was asked for.
        stamp: the file as it was when it was read.
        kind: the error's name, as "PhotoUnreadable"; "" if there was none.
        reason: one line for people.
    """

    path: str
    photo: IndexedPhoto | None = None
    stamp: FileStamp | None = None
    kind: str = ""
    reason: str = ""
    known: ReadPhoto | None = None
    thumbnail: bytes = b""


@dataclass(frozen=True)
class _Read:
    """A photo that was decoded well.

    Attributes:
        path: its file.
        photo: decoded photo.
        digest: digest of its pixels.
        thumbnail: JPEG file, or empty.
        seconds: CPU seconds that reading it took.
    """

    path: str
    photo: Photo
    digest: bytes
    thumbnail: bytes
    seconds: float

    @property
    def stamp(self) -> FileStamp:
        """The file as it was when it was read."""
        return FileStamp(self.path, self.photo.file_size, self.photo.mtime_ns)


def process(
    paths: Sequence[str],
    preset: Preset,
    models: Models,
    max_megapixels: float,
    known: Known = lambda digests: [False] * len(digests),
    *,
    thumbnails: bool = True,
) -> list[Outcome]:
    """Read, segment and embed some photos, together where the models can. Never raises for what
    files may hold; a photo's outcome does not depend on the others.

    Args:
        paths: files of the photos.
        preset: preset whose settings hold.
        models: its models.
        max_megapixels: photos with more are skipped.
        known: tells which of some digests of pixels a photo of the index has: such a photo is
            read, but not looked at again.
        thumbnails: whether a thumbnail is made of each.

    Raises:
        ModelError: no photo is to blame; the models cannot be loaded, or fail whatever they see.
    """
    read = [_read(path, preset, max_megapixels, thumbnails) for path in paths]
    whole = [each for each in read if isinstance(each, _Read)]
    told = known([each.digest for each in whole]) if whole else []
    fresh = [each for each, is_known in zip(whole, told, strict=True) if not is_known]
    seen = {outcome.path: outcome for outcome in _seen(fresh, models)}
    return [
        each if isinstance(each, Outcome) else seen.get(each.path) or _recognised(each)
        for each in read
    ]


def _read(path: str, preset: Preset, max_megapixels: float, thumbnails: bool) -> _Read | Outcome:
    from model.photos.images import read_photo
    from model.photos.least_size import require_sights
    from model.photos.pixel_digest import pixel_digest
    from model.photos.thumbnail import thumbnail_jpeg

    began = time.process_time()
    try:
        photo = read_photo(
            path,
            max_side=preset.image_side,
            max_megapixels=max_megapixels,
            finer_panoramas=True,
        )
        require_sights(photo.header.size, path)
        small = thumbnail_jpeg(photo.image) if thumbnails else b""
        digest = pixel_digest(photo.image)
        return _Read(path, photo, digest, small, time.process_time() - began)
    except Exception as error:
        return _failed(path, error)


def _recognised(read: _Read) -> Outcome:
    photo = ReadPhoto(read.photo.content_hash, read.photo.header, read.digest)
    return Outcome(read.path, stamp=read.stamp, known=photo, thumbnail=read.thumbnail)


def _seen(read: Sequence[_Read], models: Models) -> list[Outcome]:
    if not read:
        return []
    began = time.process_time()
    try:
        images = [each.photo.image for each in read]
        segments = [found.with_whole() for found in models.segmenter.segment_all(images)]
        embeddings = models.embedder.embed_all(images, segments)
    except ModelError:  # some of them are loaded only when they are first used
        raise
    except Exception as error:
        # a model may stumble over one of them, or over so many: by halves all others go on
        if half := len(read) // 2:
            return _seen(read[:half], models) + _seen(read[half:], models)
        require_sight(models, error)
        return [_failed(read[0].path, error)]
    seconds = (time.process_time() - began) / len(read)
    return [
        Outcome(
            each.path,
            IndexedPhoto(
                content_hash=each.photo.content_hash,
                header=each.photo.header,
                perceptual_hash=perceptual_hash(each.photo),
                segments=found,
                embeddings=vectors,
                photo_embedding=vectors[-1:],
                seconds=each.seconds + seconds,
                pixel_digest=each.digest,
            ),
            each.stamp,
            thumbnail=each.thumbnail,
        )
        for each, found, vectors in zip(read, segments, embeddings, strict=True)
    ]


def require_sight(models: Models, error: Exception) -> None:
    """Raise ModelsFail where the models fail over a picture that nothing is wrong with, too.

    Args:
        models: models that failed over a photo.
        error: error that they failed with.
    """
    from model.photos.images import Image

    rows, columns = np.mgrid[:120, :160]
    pixels = np.stack([rows, columns, rows ^ columns], axis=-1).astype(np.uint8)
    pixels[30:80, 40:110] = (200, 30, 30)
    image = Image(pixels, (120, 160))
    try:
        models.embedder.embed_all([image], [models.segmenter.segment(image).with_whole()])
    except Exception:
        raise ModelsFail(
            f"the models fail whatever they look at ({type(error).__name__}: {shown(error)})",
            "look whether the preset's weights belong together and are whole (segsearch models"
            " verify, segsearch doctor)",
        ) from error


def _failed(path: str, error: Exception) -> Outcome:
    """Outcome of a photo that could not be read, or that a model stumbled over."""
    if isinstance(error, PhotoError):
        return Outcome(path, kind=type(error).__name__, reason=str(error))
    if isinstance(error, MemoryError):
        reason = f"{shown(path)} needs more memory than there is"
        return Outcome(path, kind="PhotoTooLarge", reason=reason)
    reason = f"{shown(path)} could not be looked at ({type(error).__name__}: {shown(error)})"
    return Outcome(path, kind="PhotoUnreadable", reason=reason)


def perceptual_hash(read: Photo) -> int:
    """64-bit pHash of the upright photo as a signed integer: near-duplicates differ in few bits."""
    unsigned = unsigned_hash(read.image)
    return unsigned - (1 << 64) if unsigned >= 1 << 63 else unsigned
