"""Universal segment embeddings: one look at the photo, one vector for each of its segments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from model.embedder import Embedder
from model.embedders.attributes.colours import region_colours
from model.embedders.attributes.joint_space import (
    ATTRIBUTE_DIMENSIONS,
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
from model.embedders.panorama import best_views
from model.embedders.text_cache import RememberedTexts
from model.embeddings import Embeddings, EmbeddingSpace
from model.encoders.sentence import SentenceEncoder
from model.errors import WeightsMismatch, shown
from model.masks.segments import Segments
from model.photos.images import Image

if TYPE_CHECKING:
    from model.encoders.efficientnet import EfficientNetTrunk


class UniversalEmbedder(Embedder):
    """A frozen trunk, pooling under masks, and a trained head into the sentence space; beside it
    the colours, the pattern and the material under the mask and where it lies, and the words of
    texts for them.

    The two towers are loaded when they are first needed: a search reads words only, an indexer
    photos only.

    Args:
        space: embedding space of the vectors; the preset names it.
        head: the trained head.
        trunk: weights of the image trunk; by default the bundled ones.
        sentence: weights of the sentence tower; by default the bundled ones.
        tokenizer: tokenizer of the sentence tower; by default the bundled one.
        views: longer sides at which the trunk looks at a photo, pixels; a segment's meaning is the
            mean of what is seen at each. The head was trained on the first of them.
        materials: the model of materials; by default the one for the bundled trunk.
    """

    def __init__(
        self,
        space: EmbeddingSpace,
        head: SegmentHead,
        trunk: Path | None = None,
        sentence: Path | None = None,
        tokenizer: Path | None = None,
        views: Sequence[int] = (448,),
        materials: Path | None = None,
    ) -> None:
        self._space = space
        self._head = head
        self._trunk_weights = trunk
        self._sentence_files = (sentence, tokenizer)
        self._views = tuple(views) or (448,)
        self._materials_file = materials
        self._loaded_trunks: list[EfficientNetTrunk] = []
        self._loaded_materials: MaterialModel | None = None
        self._loaded_sentence: SentenceEncoder | None = None
        self._texts = RememberedTexts(self._text_vectors)

    @classmethod
    def load(
        cls,
        space: EmbeddingSpace,
        head: Path,
        trunk: Path | None = None,
        sentence: Path | None = None,
        tokenizer: Path | None = None,
        views: Sequence[int] = (448,),
        materials: Path | None = None,
    ) -> UniversalEmbedder:
        """The embedder with the head in a safetensors file.

        Raises:
            WeightsMismatch: the file holds no segment head, or one of another dimension.
        """
        trained = SegmentHead.load(head)
        if (dimension := trained.dimension + ATTRIBUTE_DIMENSIONS) != space.dimension:
            raise WeightsMismatch(
                f"{shown(head)} makes vectors of {dimension} components,"
                f" the preset '{space.name}' expects {space.dimension}",
                "mend the preset's file",
            )
        return cls(space, trained, trunk, sentence, tokenizer, views, materials)

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every vector that this embedder makes."""
        return self._space

    @property
    def tells_looks(self) -> bool:
        """Segments' vectors end with colours, patterns, materials and positions."""
        return True

    def embed_segments(self, image: Image, segments: Segments) -> Embeddings:
        """One unit vector a segment, in their order; one forward pass of the trunk a view."""
        if not len(segments):
            return Embeddings.empty(self._space)
        numbers, rows = [], []
        for view, inside, which in best_views(image, segments):
            numbers.append(which)
            rows.append(self._view(view, inside))
        order = np.argsort(np.concatenate(numbers))
        meanings, *looks = (np.concatenate(parts)[order] for parts in zip(*rows, strict=True))
        looks.append(region_positions(segments))
        return Embeddings.unit(joined_segments(meanings, looks), self._space)

    def _view(self, image: Image, segments: Segments) -> tuple[NDArray[np.float32], ...]:
        """Unit rows of meaning, and of colours, patterns and materials, of segments in a view."""
        where = torch.from_numpy(places(segments))
        seen = [self._seen(trunk, image, segments, where) for trunk in self._trunks()]
        meanings, materials = (np.sum(rows, axis=0) for rows in zip(*seen, strict=True))
        cells = Cells.of(image, segments)
        return (
            unit(meanings),
            region_colours(cells),
            region_patterns(cells),
            region_materials(np.asarray(materials / len(seen), np.float32)),
        )

    @torch.inference_mode()
    def _seen(
        self, trunk: EfficientNetTrunk, image: Image, segments: Segments, where: torch.Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """N×D unit rows of meaning and N×11 logits of materials, by what the trunk sees at its
        side."""
        from model.embedders.pooling import pooled_features

        features = trunk.features(image)
        pooled, last = pooled_features(features, segments), features.maps[-1]
        found: torch.Tensor = self._head(
            pooled,
            last.mean(dim=(1, 2))[None],
            where,
            trunk.class_scores(pooled[:, -len(last) :]),
        )
        return found.numpy(), self._materials().logits(pooled).numpy()

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
        return joined_texts(meanings, rest, texts)

    def _trunks(self) -> list[EfficientNetTrunk]:
        if not self._loaded_trunks:
            from model.encoders.efficientnet import EfficientNetTrunk

            shared = EfficientNetTrunk.shared
            self._loaded_trunks = [shared(self._trunk_weights, side) for side in self._views]
        return self._loaded_trunks

    def _materials(self) -> MaterialModel:
        if self._loaded_materials is None:
            self._loaded_materials = MaterialModel.load(self._materials_file)
        return self._loaded_materials

    def _sentence(self) -> SentenceEncoder:
        if self._loaded_sentence is None:
            self._loaded_sentence = SentenceEncoder(*self._sentence_files)
        return self._loaded_sentence
