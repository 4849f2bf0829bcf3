"""Filters: pairs that are of no use for training, photo by photo."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.curation.records import Loss
from model.datasets.pairs import PHOTO_KIND, TrainingPair
from model.embedder import Embedder
from model.language.english_words import is_word
from model.language.plurals import singular
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image

SMALL, UNLIKE = "the mask is too small", "mask and words are unlike by the embedder"
FOREIGN, BLOCKED = "its words are not English", "it has a blocked word"
FEWEST_UNKNOWN = 2  # words that are no English ones, of a text in another language
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class FilterSettings:
    """Settings of the filters, [filters] of a curation's config.

    Attributes:
        smallest: share of the photo that a mask covers at least.
        similarity: least cosine of a mask and its first text by the current embedder; None: pairs
            are not looked at again.
        language: `en` for texts of which half the words are English ones, or all but one, `any`
            for all.
        blocked: words that no text may have, in any number.
        duplicates: bits of 64 by which the perceptual hashes of two photos differ at most if they
            are taken for the same; -1: each photo counts.

    Raises:
        ValueError: a number is out of its range.
    """

    smallest: float = 0.0005
    similarity: float | None = None
    language: Literal["en", "any"] = "en"
    blocked: tuple[str, ...] = ()
    duplicates: int = 3

    def __post_init__(self) -> None:
        if not 0 <= self.smallest < 1:
            raise ValueError(f"smallest is {self.smallest}, expected a share from 0 to below 1")
        if self.similarity is not None and not -1 <= self.similarity <= 1:
            raise ValueError(f"similarity is {self.similarity}, expected a cosine from -1 to 1")
        if not -1 <= self.duplicates < 64:
            raise ValueError(f"duplicates is {self.duplicates}, expected -1 to 63 bits")


class PairFilters:
    """Filters of a photo's pairs.

    Args:
        settings: settings of the filters.
        embedder: the current embedder; needed where similarity is asked for.

    Raises:
        ValueError: there is no embedder, though similarity is asked for.
    """

    def __init__(self, settings: FilterSettings, embedder: Embedder | None = None) -> None:
        if settings.similarity is not None and embedder is None:
            raise ValueError("similarity is asked for, which needs an embedder")
        self._settings, self._embedder = settings, embedder
        self._blocked = frozenset(singular(word.lower()) for word in settings.blocked)

    @property
    def look(self) -> bool:
        """Whether the photos' pixels are looked at."""
        return self._settings.similarity is not None

    def kept(
        self, image: Image | None, pairs: Sequence[TrainingPair]
    ) -> tuple[list[TrainingPair], list[Loss]]:
        """Pairs of one photo that pass, with those of their texts that do, and what does not.

        Args:
            image: the photo; needed where similarity is asked for.
            pairs: pairs of the photo, in one frame.
        """
        losses: list[Loss] = []
        passed: list[TrainingPair] = []
        for pair in pairs:
            area = int(rle.areas((pair.counts,), pair.size)[0])
            if area < self._settings.smallest * pair.size[0] * pair.size[1]:
                losses.append(Loss(pair.texts[0], SMALL, share_box(pair)))
                continue
            texts = []
            for text in pair.texts:
                if fault := self._fault(text):
                    losses.append(Loss(text, fault, share_box(pair)))
                else:
                    texts.append(text)
            if texts:
                passed.append(replace(pair, texts=tuple(texts)))
        if self._settings.similarity is None or not passed:
            return passed, losses
        cosines = self._cosines(image, passed)
        alike = cosines >= self._settings.similarity
        losses += [
            Loss(pair.texts[0], UNLIKE, share_box(pair))
            for pair, passes in zip(passed, alike, strict=True)
            if not passes
        ]
        return [pair for pair, passes in zip(passed, alike, strict=True) if passes], losses

    def _fault(self, text: str) -> str:
        words = [word.lower() for word in _WORD.findall(text)]
        if self._blocked & {singular(word) for word in words}:
            return BLOCKED
        unknown = sum(not is_word(word) for word in words)
        # one word that no dictionary has may be a name, or new: "frisbees", "skatepark"
        foreign = 2 * unknown > max(len(words), FEWEST_UNKNOWN)
        if self._settings.language == "en" and (foreign or not words):
            return FOREIGN
        return ""

    def _cosines(self, image: Image | None, pairs: Sequence[TrainingPair]) -> NDArray[np.float32]:
        """N cosines of each mask with its first text."""
        assert image is not None
        assert self._embedder is not None
        quality = np.ones(len(pairs), np.float32)
        masks = Segments.unrelated(pairs[0].size, [pair.counts for pair in pairs], quality)
        seen = self._embedder.embed_among(image, masks, masks.with_whole()).vectors
        read = self._embedder.embed_texts([pair.texts[0] for pair in pairs]).vectors
        return np.asarray((seen * read).sum(axis=1), np.float32)


def share_box(pair: TrainingPair) -> tuple[float, float, float, float] | None:
    """Box of a pair's mask, XYXY shares of the photo; None of a whole photo's."""
    if pair.kind == PHOTO_KIND:
        return None
    height, width = pair.size
    x0, y0, x1, y1 = rle.boxes((pair.counts,), pair.size)[0].tolist()
    return x0 / width, y0 / height, x1 / width, y1 / height
