"""Looks of a curation: the stages that run models, done for a photo by any process at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.curation.building import build_looks
from model.curation.config import CurationConfig
from model.curation.source_photo import SourcePhoto
from model.curation.stages import Outcome, Stage
from model.errors import EngineRefused, PhotoError, shown
from model.task import Ask, Fate, Needs, Task


@dataclass(frozen=True)
class Unseen:
    """A photo that stages have not seen yet.

    Attributes:
        photo: the photo.
        before: outcomes of other stages, by their names.
        stages: names of the stages to be done, in their order.
    """

    photo: SourcePhoto
    before: Mapping[str, Outcome]
    stages: tuple[str, ...]


@dataclass
class Seen:
    """Outcomes of one photo.

    Attributes:
        content_hash: hash that the photo is known by.
        outcomes: outcomes of stages, by their names.
        failed: name of the stage that came to nothing, and the reason; none after it was done.
    """

    content_hash: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: tuple[str, str] | None = None


@dataclass(frozen=True)
class LooksTask(Task[Unseen, Seen]):
    """Does the stages of a curation that run models.

    Attributes:
        config: config of the curation.
        folder: folder of its photos.
        needs: needs of a process that does it.
    """

    config: CurationConfig
    folder: Path
    needs: Needs

    def load(self, ask: Ask) -> Callable[[Sequence[Unseen]], list[Seen]]:
        """The stages, built; raises what building them raises."""
        stages = build_looks(self.config, self.folder)
        return lambda photos: done_by(stages, photos)

    def lost(self, item: Unseen, fate: Fate) -> Seen:
        """The photo failed at its first stage."""
        reason = fate.told(shown(item.photo.path))
        return Seen(item.photo.content_hash, failed=(item.stages[0], reason))


def done_by(stages: Sequence[Stage], photos: Sequence[Unseen]) -> list[Seen]:
    """What stages make of photos: each stage of all at once if that goes well, else one by one.

    Raises:
        EngineAway, ModelError: no photo is to blame.
    """
    seen = [Seen(each.photo.content_hash) for each in photos]
    for stage in stages:
        left = [
            (each, to) for each, to in zip(photos, seen, strict=True)
            if stage.name in each.stages and to.failed is None
        ]  # fmt: skip
        if not left:
            continue
        try:
            _do(stage, left)
        except (PhotoError, EngineRefused):
            for one in left:
                try:
                    _do(stage, [one])
                except (PhotoError, EngineRefused) as error:
                    one[1].failed = (stage.name, str(error))
    return seen


def _do(stage: Stage, photos: Sequence[tuple[Unseen, Seen]]) -> None:
    before = [{**unseen.before, **seen.outcomes} for unseen, seen in photos]
    made = stage.outcomes([unseen.photo for unseen, _ in photos], before)
    for (_, seen), outcome in zip(photos, made, strict=True):
        seen.outcomes[stage.name] = outcome
