"""Stages of a curation as the pipeline runs them: what each makes of a photo, as plain data.

captions → phrases → boxes → masks → pairs. A stage reads what those before it gave, and gives its
own outcome with the losses on the way; `StageStore` keeps that under the stage's key.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from model.curation.agreement import with_expressions
from model.curation.box_cleaning import BoxCleaning
from model.curation.caption_checks import usable_captions
from model.curation.captioner import Captioner
from model.curation.filters import PairFilters
from model.curation.grounder import Grounder
from model.curation.mask_maker import BoxMasks, MaskMaker
from model.curation.merging import drawn_pairs, merged
from model.curation.phrases import Phraser
from model.curation.records import Box, Caption, Loss, Phrase
from model.curation.source_photo import SourcePhoto
from model.datasets.pairs import TrainingPair
from model.masks.segments import Segments
from model.photos.perceptual_hash import perceptual_hash
from model.referring.referrer import Referrer

Outcome = dict[str, Any]
Outcomes = Mapping[str, Outcome]
UNTOLD = 0.5  # score of a region whose engine tells none
VERSION = "2"  # of what the stages do themselves; a change makes all outcomes anew


class Stage(ABC):
    """A stage of a curation.

    Attributes:
        name: name of the stage, under which its outcomes are kept.
        key: hex digest of all that decides its outcomes, of the stages before it, too.
        batch: photos that it likes to be given together.
        at_once: threads that may do it side by side.
        turn: lock of the models that it shares with other stages; held while it works. Models
            remember what they saw last, and are for one thread at a time.
        looks: whether it does its work in its own process, so that others may do it as well.
    """

    name: str
    key: str
    batch: int = 1
    at_once: int = 1
    turn: AbstractContextManager[Any] = nullcontext()
    looks: bool = True

    @abstractmethod
    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        """What the stage makes of a photo; plain data that JSON can hold.

        Args:
            photo: the photo.
            before: outcomes of the stages before it, by their names.

        Raises:
            PhotoError: the photo cannot be read.
            EngineAway: an engine answers nothing; it may do later.
            EngineRefused: an engine does not answer for this photo.
        """

    def outcomes(self, photos: Sequence[SourcePhoto], before: Sequence[Outcomes]) -> list[Outcome]:
        """Outcomes of several photos: in one go, where that is quicker."""
        return [self.outcome(*each) for each in zip(photos, before, strict=True)]


class CaptionStage(Stage):
    """Captions of one engine, those left out that no phrase can be taken from.

    Args:
        captioner: the engine.
        number: place among the engines that caption.
        looks: whether it runs models of its own process.
    """

    def __init__(self, captioner: Captioner, number: int, *, looks: bool) -> None:
        self._captioner = captioner
        self.name = f"captions {number}"
        self.key = _key(captioner.fingerprint)
        self.batch, self.at_once = captioner.batch, captioner.at_once
        self.looks = looks

    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        """Usable captions."""
        return self._told(self._captioner.captions(photo))

    def outcomes(self, photos: Sequence[SourcePhoto], before: Sequence[Outcomes]) -> list[Outcome]:
        """Usable captions of each photo, from one call of the engine."""
        return [self._told(said) for said in self._captioner.captions_all(photos)]

    @staticmethod
    def _told(said: Sequence[Caption]) -> Outcome:
        kept, losses = usable_captions(said)
        return {"captions": [each.to_dict() for each in kept], "losses": _plain(losses)}


class PhraseStage(Stage):
    """Phrases of all captions.

    Args:
        phraser: finds phrases.
        captions: stages whose captions are read.
    """

    name = "phrases"

    def __init__(self, phraser: Phraser, captions: Sequence[CaptionStage]) -> None:
        self._phraser, self._captions = phraser, [stage.name for stage in captions]
        self.key = _key(*(stage.key for stage in captions), phraser.fingerprint)

    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        """Phrases, each once."""
        said = [Caption.from_dict(c) for name in self._captions for c in before[name]["captions"]]
        phrases, losses = self._phraser.phrases(said)
        return {"phrases": [phrase.to_dict() for phrase in phrases], "losses": _plain(losses)}


class BoxStage(Stage):
    """Boxes of the phrases' heads, cleaned.

    Args:
        grounder: finds boxes.
        cleaning: rules for boxes.
        phrases: stage whose phrases are looked for.
    """

    name = "boxes"

    def __init__(self, grounder: Grounder, cleaning: BoxCleaning, phrases: PhraseStage) -> None:
        self._grounder, self._cleaning = grounder, cleaning
        self.key = _key(phrases.key, grounder.fingerprint, cleaning)

    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        """Boxes, and the photo's perceptual hash: here it is looked at for the first time."""
        phrases = [Phrase.from_dict(phrase) for phrase in before["phrases"]["phrases"]]
        placed = _placed(phrases)
        sought = [phrase for phrase in phrases if phrase not in placed]
        found = self._grounder.boxes(photo.image, sought)
        boxes, losses = self._cleaning.cleaned((*placed.values(), *found))
        return {
            "hash": perceptual_hash(photo.image),
            "boxes": [box.to_dict() for box in boxes],
            "losses": _plain(losses),
        }


def _placed(phrases: Sequence[Phrase]) -> dict[Phrase, Box]:
    """Boxes that captions bring along: the first phrase of what is said of a region is there."""
    boxes: dict[Phrase, Box] = {}
    seen: set[Caption] = set()
    for phrase in phrases:
        caption = phrase.caption
        if caption.box is not None and caption not in seen:
            boxes[phrase] = Box(caption.box, phrase, UNTOLD, caption.engine, (phrase.head,))
            seen.add(caption)
    return boxes


class MaskStage(Stage):
    """Masks of the boxes, and the texts that hold of each.

    Args:
        maker: draws what is in a box.
        referrer: resolver of whole expressions among the masks.
        fingerprint: hex digest of what draws and of what resolves.
        boxes: stage whose boxes are drawn.
    """

    name = "masks"

    def __init__(
        self, maker: MaskMaker, referrer: Referrer, fingerprint: str, boxes: BoxStage
    ) -> None:
        self._maker, self._referrer = maker, referrer
        self.key = _key(boxes.key, fingerprint)

    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        """Masks with their boxes, in one frame."""
        asked = [Box.from_dict(box) for box in before["boxes"]["boxes"]]
        drawn = self._maker.masks(photo.image, asked)
        made = [number for number, counts in enumerate(drawn.counts) if counts is not None]
        counts = [each for each in drawn.counts if each is not None]
        quality = np.array([drawn.quality[number] for number in made], np.float32)
        boxes, losses = with_expressions(
            photo.image,
            Segments.unrelated(drawn.size, counts, quality),
            [asked[number] for number in made],
            self._referrer,
        )
        return {
            "size": list(drawn.size),
            "counts": [each.decode("ascii") for each in counts],
            "quality": [round(float(each), 4) for each in quality],
            "boxes": [box.to_dict() for box in boxes],
            "losses": _plain((*drawn.losses, *losses)),
        }


class PairStage(Stage):
    """Pairs: masks of one thing merged, and filtered.

    Args:
        overlap: IoU from which two masks are one pair.
        filters: filters of pairs.
        fingerprint: hex digest of the filters' settings; their embedder is that of the masks.
        masks: stage whose masks become pairs.
    """

    name = "pairs"

    def __init__(
        self, overlap: float, filters: PairFilters, fingerprint: str, masks: MaskStage
    ) -> None:
        self._overlap, self._filters = overlap, filters
        self.key = _key(masks.key, overlap, fingerprint)

    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        """Pairs as plain data, without the photo."""
        drawn = before["masks"]
        boxes = [Box.from_dict(box) for box in drawn["boxes"]]
        counts = tuple(each.encode("ascii") for each in drawn["counts"])
        height, width = drawn["size"]
        masks = BoxMasks((height, width), counts, tuple(drawn["quality"]), ())
        image = photo.image if self._filters.look else None
        pairs, losses = self._filters.kept(
            image, merged(drawn_pairs(photo.path, boxes, masks), self._overlap)
        )
        return {"pairs": [plain_pair(pair) for pair in pairs], "losses": _plain(losses)}


def plain_pair(pair: TrainingPair) -> dict[str, Any]:
    """A pair as plain data, without its photo."""
    return {
        "size": list(pair.size),
        "counts": pair.counts.decode("ascii"),
        "texts": list(pair.texts),
        "kind": pair.kind,
        "sources": list(pair.sources),
        "score": pair.score,
    }


def read_pair(data: Mapping[str, Any], photo: SourcePhoto) -> TrainingPair:
    """The pair that `plain_pair` made."""
    height, width = data["size"]
    return TrainingPair(
        photo.path,
        (height, width),
        data["counts"].encode("ascii"),
        tuple(data["texts"]),
        data["kind"],
        tuple(data["sources"]),
        data["score"],
    )


def _plain(losses: Sequence[Loss]) -> list[list[Any]]:
    return [[loss.what, loss.reason, loss.box] for loss in losses]


def _key(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, (VERSION, *parts))).encode()).hexdigest()
