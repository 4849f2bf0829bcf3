"""Embeddings: unit vectors, and the space they live in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import SpaceMismatch


@dataclass(frozen=True)
class EmbeddingSpace:
    """Space in which vectors can be compared.

    Attributes:
        name: name for people, as "nano".
        dimension: components of a vector.
        fingerprint: hex digest of all that decides a vector: preset settings and weights.
    """

    name: str
    dimension: int
    fingerprint: str


@dataclass(frozen=True, eq=False)
class Embeddings:
    """N vectors of one space.

    Attributes:
        vectors: N×D float32, rows of length 1.
        space: embedding space of the rows.

    Raises:
        ValueError: the shape does not fit the space, or a row is not of length 1.
    """

    vectors: NDArray[np.float32]
    space: EmbeddingSpace

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.shape[1] != self.space.dimension:
            raise ValueError(
                f"vectors have shape {self.vectors.shape}, expected N×{self.space.dimension}"
            )
        length = np.linalg.norm(self.vectors, axis=1)
        if not np.allclose(length, 1, atol=1e-3):
            raise ValueError("vectors are not of length 1; build them with Embeddings.unit")

    @classmethod
    def unit(cls, vectors: NDArray[np.floating], space: EmbeddingSpace) -> Embeddings:
        """Embeddings of any finite, non-zero rows, scaled to length 1 (N×D).

        Raises:
            ValueError: a row is zero or not finite.
        """
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(length).all() and (length > 0).all()):
            raise ValueError("a vector is zero or not finite")
        return cls(np.asarray(vectors / length, np.float32), space)

    @classmethod
    def empty(cls, space: EmbeddingSpace) -> Embeddings:
        """No vectors of a space."""
        return cls(np.zeros((0, space.dimension), np.float32), space)

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, index: slice | Sequence[int] | NDArray[np.generic]) -> Embeddings:
        return Embeddings(self.vectors[index], self.space)

    def similarity(self, other: Embeddings) -> NDArray[np.float32]:
        """N×M float32 cosines.

        Raises:
            SpaceMismatch: the two live in different spaces.
        """
        require_same_space(self.space, other.space)
        return np.asarray(self.vectors @ other.vectors.T, np.float32)


def require_same_space(expected: EmbeddingSpace, actual: EmbeddingSpace) -> None:
    """Raise SpaceMismatch unless both are one space."""
    if expected != actual:
        raise SpaceMismatch(
            f"vectors of '{actual.name}' ({actual.fingerprint[:8]}) cannot be compared with those"
            f" of '{expected.name}' ({expected.fingerprint[:8]})",
            "use the preset that made the index, or index again with this one",
        )
