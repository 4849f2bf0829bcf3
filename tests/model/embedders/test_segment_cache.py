"""A remembering embedder answers as the one behind it, and asks it once a mask."""

from collections.abc import Sequence

import numpy as np
import pytest

from model.embedder import Embedder
from model.embedders.segment_cache import MOST, PHOTOS, RememberedSegments
from model.embeddings import Embeddings, EmbeddingSpace
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset

COLOURS = load_preset("colours").build_embedder()


class Counting(Embedder):
    """An embedder that counts what it embeds; its vectors may depend on other segments."""

    def __init__(self, depends: bool = False) -> None:
        self.embedded, self.depends = 0, depends

    @property
    def space(self) -> EmbeddingSpace:
        return COLOURS.space

    @property
    def depends_on_others(self) -> bool:
        return self.depends

    def embed_segments(self, image: Image, segments: Segments) -> Embeddings:
        self.embedded += len(segments)
        return COLOURS.embed_segments(image, segments)

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        return COLOURS.embed_texts(texts)


def painted(seed: int = 0) -> Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    return Image(pixels, (20, 30))


def squares(*places: int) -> Segments:
    masks = np.zeros((len(places), 20, 30), np.bool_)
    for mask, place in zip(masks, places, strict=True):
        mask[place % 17 : place % 17 + 3, place % 27 : place % 27 + 3] = True
    return Segments.from_masks(masks)


def test_masks_are_embedded_once() -> None:
    behind, image, known = Counting(), painted(), squares(9)
    remembering = RememberedSegments(behind)
    for places in ((1, 2, 3), (3, 1), (2, 4)):
        found = remembering.embed_among(image, squares(*places), known)
        assert found.space == COLOURS.space
        expected = COLOURS.embed_segments(image, squares(*places))
        assert found.vectors == pytest.approx(expected.vectors, abs=1e-6)
    assert behind.embedded == 4
    assert remembering.embed_among(image, squares(1)[:0], known).vectors.shape[0] == 0
    assert behind.embedded == 4


def test_another_image_of_the_same_content_is_looked_at() -> None:
    behind = Counting()
    remembering = RememberedSegments(behind)
    for _ in range(2):
        remembering.embed_among(painted(), squares(1), squares(9))
    assert behind.embedded == 2


@pytest.mark.parametrize("depends", [True, False])
def test_where_vectors_depend_on_what_is_indexed_that_is_heeded(depends: bool) -> None:
    behind, image = Counting(depends), painted()
    remembering = RememberedSegments(behind)
    for known in (squares(9), squares(8), squares(8)):
        remembering.embed_among(image, squares(1), known)
    assert behind.embedded == (2 if depends else 1)


def test_no_more_than_the_last_photos_and_so_many_masks_are_remembered() -> None:
    behind = Counting()
    remembering = RememberedSegments(behind)
    images = [painted(seed) for seed in range(PHOTOS + 1)]
    for image in (*images, images[0], images[-1]):
        remembering.embed_among(image, squares(1), squares(9))
    assert behind.embedded == PHOTOS + 2
    many = squares(1)[[0] * MOST]
    remembering.embed_among(images[0], many, squares(9))
    assert len(remembering._of(images[0], (20, 30), squares(9)).vectors) <= MOST
