"""Interface of what captions photos."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from model.curation.records import Caption
from model.curation.source_photo import SourcePhoto


class Captioner(ABC):
    """Tells in sentences what photos show, of the scene, its objects and their parts.

    Attributes:
        name: name for people, which every caption bears as its engine.
        batch: photos that it likes to be given together.
        at_once: calls that may run side by side, in threads.
    """

    name: str
    batch: int = 1
    at_once: int = 1

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hex digest of all that decides what is said: weights, prompts, settings."""

    @abstractmethod
    def captions(self, photo: SourcePhoto) -> tuple[Caption, ...]:
        """Captions of a photo, as they come: empty and endless ones are told apart later.

        Raises:
            PhotoError: the photo cannot be read.
            EngineAway: nobody answers, whatever is asked; it may do later.
            EngineRefused: this photo cannot be captioned, though others can.
        """

    def captions_all(self, photos: Sequence[SourcePhoto]) -> list[tuple[Caption, ...]]:
        """Captions of each photo: in one go, where that is quicker."""
        return [self.captions(photo) for photo in photos]


class AbsentCaptioner(Captioner):
    """A captioner that another process asks: this one is given what it said."""

    name = "absent"
    fingerprint = ""

    def captions(self, photo: SourcePhoto) -> tuple[Caption, ...]:
        """Nothing: nobody asks here."""
        raise NotImplementedError("this captioner is asked by another process")
