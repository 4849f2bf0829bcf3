"""Referrer: resolves referring expressions among the segments of a photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.embedder import Embedder
from model.language.question import understand
from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.expression import Expression
from model.referring.scoring import Cosines, Scene, Scores, score
from model.referring.settings import ReferringSettings

Vectors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Ranked:
    """Segments of a photo by how well an expression is of them.

    Attributes:
        expression: expression as it was read.
        order: N int64, numbers of the segments, best first.
        scores: scores of all N.
    """

    expression: Expression
    order: NDArray[np.int64]
    scores: Scores


class Referrer:
    """Resolver of expressions, with the vectors of an embedder.

    Args:
        embedder: embedder of segments and phrases.
        settings: numbers that weigh the parts of an expression.
    """

    def __init__(self, embedder: Embedder, settings: ReferringSettings | None = None) -> None:
        self._embedder = embedder
        self.settings = settings or ReferringSettings()

    def look(self, image: Image, segments: Segments) -> Views:
        """Look at a photo's segments: what expressions are compared with."""
        return Views(self._embedder.embed_segments(image, segments).vectors, self._texts)

    def scores(self, image: Image, segments: Segments, expression: Expression) -> Scores:
        """Logits of N segments: N × stages, recall's among them."""
        return self.scores_of(self.look(image, segments), Scene.of(segments), expression)

    def resolve(self, image: Image, segments: Segments, expression: Expression) -> Ranked:
        """The segments, best first; recall's order where the expression says no more."""
        scores = self.scores(image, segments, expression)
        return Ranked(expression, scores.best(), scores)

    def scores_of(self, views: Views, scene: Scene, expression: Expression) -> Scores:
        """Scores of segments that were looked at before."""
        return score(scene, expression, views.cosines(expression), self.settings)

    def _texts(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed_texts([understand(text).words for text in texts]).vectors


@dataclass(frozen=True, eq=False)
class Views:
    """Segments of a photo as an embedder sees them.

    Attributes:
        vectors: N×D float32 unit vectors.
        encode: T texts to T×D unit vectors.
    """

    vectors: Vectors
    encode: Callable[[Sequence[str]], Vectors]

    def recall(self, text: str) -> NDArray[np.float32]:
        """N cosines with a text, as a search without any referring has them."""
        return np.asarray(self.vectors @ self.encode([text])[0], np.float32)

    def cosines(self, expression: Expression) -> Cosines:
        """N cosines with an expression's text and each of its phrases."""
        texts = texts_of(expression)
        return dict(zip(texts, (self.vectors @ self.encode(texts).T).T, strict=True))


def texts_of(expression: Expression) -> Sequence[str]:
    """Texts whose cosines its scores need, each once: the whole and its phrases."""
    return tuple(dict.fromkeys([expression.text, *expression.phrases()]))
