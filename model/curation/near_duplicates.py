"""Near duplicates: photos that differ from one before by a new size, a little light or a mark."""

from __future__ import annotations

import numpy as np

AGAIN = "nearly the same photo came before"


class SeenPhotos:
    """Perceptual hashes of the photos so far, to know one that comes again.

    Args:
        bits: bits by which two hashes differ at most; -1: each photo counts as new.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._hashes = np.zeros(0, np.uint64)
        self._count = 0

    def is_new(self, perceptual_hash: int) -> bool:
        """Whether no photo before is nearly the same; a new one is remembered.

        Args:
            perceptual_hash: hash of the photo, see `model.photos.perceptual_hash`.
        """
        if self._bits < 0:
            return True
        own = np.uint64(perceptual_hash)
        near = np.bitwise_count(self._hashes[: self._count] ^ own) <= self._bits
        if near.any():
            return False
        if self._count == len(self._hashes):
            more = np.zeros(max(1024, self._count), np.uint64)
            self._hashes = np.concatenate([self._hashes, more])
        self._hashes[self._count] = own
        self._count += 1
        return True
