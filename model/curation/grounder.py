"""Interface of what finds phrases in a photo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from model.curation.records import Box, Phrase
from model.photos.images import Image


class Grounder(ABC):
    """Finds where in a photo phrases are seen.

    Attributes:
        name: name for people, which every box bears as its engine.
    """

    name: str

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hex digest of all that decides which boxes are found: weights and settings."""

    @abstractmethod
    def boxes(self, image: Image, phrases: Sequence[Phrase]) -> tuple[Box, ...]:
        """Boxes of the phrases' heads, the surest of each phrase first.

        Detectors do not heed places and relations, so the head phrase is looked for. A box'
        texts are its phrase's head alone. Boxes below the engine's own least score are left out;
        doubles are not.

        Args:
            image: the photo.
            phrases: phrases of that photo; each is looked for, in any number of passes.
        """
