"""Digest of a photo's pixels, by which it is known whatever its file says about it.

A rating, a caption or a place written into a file changes its bytes, and with them its content
hash; what the models look at stays. Segmenters and embedders are given an `Image` and nothing
else, so two photos of one digest have the same segments and vectors in an index of one preset.
"""

from __future__ import annotations

import struct

from blake3 import blake3

from model.photos.images import Image


def pixel_digest(image: Image) -> bytes:
    """Digest of the pixels of one photo and of the size that they were reduced from.

    Args:
        image: photo, upright, in sRGB, reduced as its preset wants it. Digests of images that
            were reduced to different sides differ.

    Returns:
        32 bytes, blake3. A newer decoder may give other pixels, and so another digest.
    """
    digest = blake3(struct.pack("<4Q", *image.size, *image.original_size))
    digest.update(image.pixels.tobytes())
    return digest.digest()
