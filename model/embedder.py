"""Interface of every embedder: segments and words as vectors of one space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from model.embeddings import Embeddings, EmbeddingSpace
from model.masks.segments import Segments
from model.photos.images import Image


class Embedder(ABC):
    """Puts segments and texts into one space, where a dot product says how well they agree."""

    @property
    @abstractmethod
    def space(self) -> EmbeddingSpace:
        """The space of every vector that this embedder makes."""

    @abstractmethod
    def embed_segments(self, image: Image, segments: Segments) -> Embeddings:
        """One unit vector a segment, in their order. The image is looked at once."""

    @property
    def tells_looks(self) -> bool:
        """Whether segments' vectors end with looks and classes, as of `joined_segments`."""
        return False

    @property
    def look_dimensions(self) -> tuple[int, ...]:
        """Numbers of the components of each look, in their order, after those of meaning."""
        return ()

    @property
    def class_dimensions(self) -> int:
        """Number of the vectors' last components, those that tell of classes; 0: none do."""
        return 0

    @property
    def depends_on_others(self) -> bool:
        """Whether a segment's vector depends on the segments that it is embedded with, too."""
        return False

    def embed_among(self, image: Image, segments: Segments, among: Segments) -> Embeddings:
        """Vectors of segments that the photo is not indexed with, as if they had been.

        Proposals, and things that were pointed at, are compared with vectors of an index: where a
        vector depends on the photo's other segments, those of the index count, and none of these.
        A segment that is itself among the indexed gets the vector that it has there.

        Args:
            image: the photo.
            segments: N segments to embed, in any frame of the photo's shape.
            among: segments that the photo is indexed with, the whole photo one of them, in any
                such frame.
        """
        return self.embed_segments(image, segments)

    def embed_all(self, images: Sequence[Image], segments: Sequence[Segments]) -> list[Embeddings]:
        """Embeddings of each photo's segments: in one go, where that is quicker."""
        return [self.embed_segments(*each) for each in zip(images, segments, strict=True)]

    @abstractmethod
    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """One unit vector a text, in their order. Any text is accepted, however long."""

    def embed_image(self, image: Image) -> Embeddings:
        """One unit vector (1×D): the image as one segment that covers all of it."""
        return self.embed_segments(image, Segments.empty(image.size).with_whole())
