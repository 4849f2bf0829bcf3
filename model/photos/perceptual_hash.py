"""Perceptual hash: 64 bits of which near-duplicates differ in few."""

from __future__ import annotations

from PIL import Image as PillowImage

from model.photos.images import Image


def perceptual_hash(image: Image) -> int:
    """64-bit pHash of an upright photo, without sign."""
    import imagehash

    bits = imagehash.phash(PillowImage.fromarray(image.pixels)).hash.ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)
