"""Universal segment embeddings: one look at the photo, one vector for each of its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from model.devices import convolution_dtype
from model.embedder import Embedder
from model.embedders.attributes.classes import ClassCodes
from model.embedders.attributes.colours import region_colours
from model.embedders.attributes.joint_space import (
    ATTRIBUTE_DIMENSIONS,
    ATTRIBUTES,
    CLASS_DIMENSIONS,
    joined_segments,
    joined_texts,
    meant,
    unit,
    without_looks,
)
from model.embedders.attributes.materials import MaterialModel, region_materials
from model.embedders.attributes.patterns import region_patterns
from model.embedders.attributes.pixel_grid import Cells
from model.embedders.attributes.positions import region_positions
from model.embedders.geometry import places
from model.embedders.head import SegmentHead
from model.embedders.nearer import seen_near
from model.embedders.panorama import best_views
from model.embedders.text_cache import RememberedTexts
from model.embeddings import Embeddings, EmbeddingSpace
from model.encoders.sentence import SentenceEncoder
from model.errors import WeightsMismatch, shown
from model.masks.segments import Segments
from model.photos.images import Image
from model.photos.pieces import Nearer

if TYPE_CHECKING:
    from model.encoders.efficientnet import EfficientNetTrunk


@dataclass(frozen=True)
class UniversalFiles:
    """Paths of weights beside the head; of what is None, the bundled ones.

    Attributes:
        trunk: weights of the image trunk.
        sentence: weights of the sentence tower.
        tokenizer: tokenizer of the sentence tower.
        materials: the model of materials, for the trunk.
        classes: codes of the classifier's classes, for the trunk.
    """

    trunk: Path | None = None
    sentence: Path | None = None
    tokenizer: Path | None = None
    materials: Path | None = None
    classes: Path | None = None


@dataclass(frozen=True)
class UniversalSettings:
    """Settings of the looks at a photo.

    Attributes:
        views: longer sides at which the trunk looks at a photo, pixels; a segment's meaning is the
            mean of what is seen at each. The head was trained on the first of them.
        class_views: longer sides at which the classifier is asked, pixels.
        pieces: pieces of a large photo that its small segments are seen in from near, at most.
        piece_side: sides of a piece, pixels; a multiple of 32.
        precision: number format of the trunk's arithmetic, one of
            `model.devices.CONVOLUTION_PRECISIONS`.
    """

    views: Sequence[int] = (448,)
    class_views: Sequence[int] = (448,)
    pieces: int = 0
    piece_side: int = 448
    precision: str = "float32"


class _Look(NamedTuple):
    """What the trunk sees of N segments at one side: N×C pooled features, the mean of the last map
    (1×1280) and N×1000 logits of the classifier."""

    pooled: torch.Tensor
    whole: torch.Tensor
    scores: torch.Tensor


class UniversalEmbedder(Embedder):
    """A frozen trunk, pooling under masks, and a trained head into the sentence space; beside it
    the colours, the pattern and the material under the mask, where it lies and as which class it is
    seen, and the words of texts for them.

    The two towers are loaded when they are first needed: a search reads words only, an indexer
    photos only.

    Args:
        space: embedding space of the vectors; the preset names it.
        head: the trained head.
        files: weights beside the head; by default the bundled ones.
        settings: settings of the looks.
    """

    def __init__(
        self,
        space: EmbeddingSpace,
        head: SegmentHead,
        files: UniversalFiles | None = None,
        settings: UniversalSettings | None = None,
    ) -> None:
        self._space = space
        self._head = head
        self._files = files or UniversalFiles()
        settings = settings or UniversalSettings()
        self._views = tuple(settings.views) or (448,)
        self._class_views = tuple(settings.class_views) or (448,)
        self._nearer = Nearer(settings.pieces, settings.piece_side)
        self._dtype = convolution_dtype(settings.precision)
        self._loaded_trunks: dict[int, EfficientNetTrunk] = {}
        self._loaded_materials: MaterialModel | None = None
        self._loaded_classes: ClassCodes | None = None
        self._loaded_sentence: SentenceEncoder | None = None
        self._texts = RememberedTexts(self._text_vectors)

    @classmethod
    def load(
        cls,
        space: EmbeddingSpace,
        head: Path,
        files: UniversalFiles | None = None,
        settings: UniversalSettings | None = None,
    ) -> UniversalEmbedder:
        """The embedder with the head in a safetensors file.

        Raises:
            WeightsMismatch: the file holds no segment head, or one of another dimension.
        """
        trained = SegmentHead.load(head)
        added = ATTRIBUTE_DIMENSIONS + CLASS_DIMENSIONS
        if (dimension := trained.dimension + added) != space.dimension:
            raise WeightsMismatch(
                f"{shown(head)} makes vectors of {dimension} components,"
                f" the preset '{space.name}' expects {space.dimension}",
                "mend the preset's file",
            )
        return cls(space, trained, files, settings)

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every vector that this embedder makes."""
        return self._space

    @property
    def tells_looks(self) -> bool:
        """Segments' vectors end with colours, patterns, materials and positions, then classes."""
        return True

    @property
    def look_dimensions(self) -> tuple[int, ...]:
        """Numbers of the components of colours, patterns, materials and positions."""
        return tuple(attribute.words.dimension for attribute in ATTRIBUTES)

    @property
    def class_dimensions(self) -> int:
        """Number of the vectors' last components, those that tell of the classifier's classes."""
        return CLASS_DIMENSIONS

    def embed_segments(self, image: Image, segments: Segments) -> Embeddings:
        """One unit vector a segment, in their order; one forward pass of the trunk a side."""
        if not len(segments):
            return Embeddings.empty(self._space)
        numbers, rows = [], []
        far = np.ones(len(segments), np.bool_)
        pieces = self._nearer.looks(image, max(self._views))
        for piece, inside, which in seen_near(segments, pieces, image.size):
            far[which] = False
            numbers.append(which)
            side = (self._nearer.side,)
            rows.append(self._view(piece.image, inside, side, side))
        rest = np.flatnonzero(far)
        for view, inside, which in best_views(image, segments[rest]) if len(rest) else ():
            numbers.append(rest[which])
            rows.append(self._view(view, inside, self._views, self._class_views))
        order = np.argsort(np.concatenate(numbers))
        meanings, classes, *looks = (
            np.concatenate(parts)[order] for parts in zip(*rows, strict=True)
        )
        looks.append(region_positions(segments))
        return Embeddings.unit(joined_segments(meanings, looks, classes), self._space)

    def _view(
        self,
        image: Image,
        segments: Segments,
        sides: Sequence[int],
        class_sides: Sequence[int],
    ) -> tuple[NDArray[np.float32], ...]:
        """Unit rows of meaning, of classes, and of colours, patterns and materials, of segments in
        a view that is looked at with so many pixels, for classes with others."""
        where = torch.from_numpy(places(segments))
        every = dict.fromkeys((*class_sides, *sides))
        looks = {side: self._look(side, image, segments) for side in every}
        seen = [self._seen(looks[side], where) for side in sides]
        meanings, materials = (np.sum(rows, axis=0) for rows in zip(*seen, strict=True))
        scores = np.mean([looks[side].scores.numpy() for side in class_sides], axis=0)
        cells = Cells.of(image, segments)
        return (
            unit(meanings),
            self._classes().of_segments(np.asarray(scores, np.float32)),
            region_colours(cells),
            region_patterns(cells),
            region_materials(np.asarray(materials / len(seen), np.float32)),
        )

    @torch.inference_mode()
    def _look(self, side: int, image: Image, segments: Segments) -> _Look:
        from model.embedders.pooling import pooled_features

        trunk = self._trunk(side)
        features = trunk.features(image)
        pooled, last = pooled_features(features, segments), features.maps[-1]
        return _Look(
            pooled, last.mean(dim=(1, 2))[None], trunk.class_scores(pooled[:, -len(last) :])
        )

    @torch.inference_mode()
    def _seen(
        self, look: _Look, where: torch.Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """N×D unit rows of meaning and N×11 logits of materials, by one look."""
        found: torch.Tensor = self._head(look.pooled, look.whole, where, look.scores)
        return found.numpy(), self._materials().logits(look.pooled).numpy()

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """One unit vector a text, in their order; of a long text the first 256 tokens count."""
        if not texts:
            return Embeddings.empty(self._space)
        return Embeddings.unit(self._texts(texts), self._space)

    def _text_vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        read = [*map(meant, texts), *map(without_looks, texts)]
        row = {text: number for number, text in enumerate(dict.fromkeys(read))}
        sentences = torch.from_numpy(self._sentence().encode(list(row)))
        with torch.inference_mode():
            encoded = self._head.texts(sentences).numpy()[[row[text] for text in read]]
        meanings, rest = encoded[: len(texts)], encoded[len(texts) :]
        plain = sentences.numpy()[[row[text] for text in read[len(texts) :]]]
        classes = self._classes().of_texts(texts, plain, self._head.names.numpy())
        return joined_texts(meanings, rest, texts, classes)

    def _trunk(self, side: int) -> EfficientNetTrunk:
        if side not in self._loaded_trunks:
            from model.encoders.efficientnet import EfficientNetTrunk

            self._loaded_trunks[side] = EfficientNetTrunk.shared(
                self._files.trunk, side, self._dtype
            )
        return self._loaded_trunks[side]

    def _materials(self) -> MaterialModel:
        if self._loaded_materials is None:
            self._loaded_materials = MaterialModel.load(self._files.materials)
        return self._loaded_materials

    def _classes(self) -> ClassCodes:
        if self._loaded_classes is None:
            self._loaded_classes = ClassCodes.load(self._files.classes)
        return self._loaded_classes

    def _sentence(self) -> SentenceEncoder:
        if self._loaded_sentence is None:
            self._loaded_sentence = SentenceEncoder(self._files.sentence, self._files.tokenizer)
        return self._loaded_sentence
