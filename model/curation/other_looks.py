"""Other looks: photos handed to whoever does the stages that look, and outcomes taken back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from model.curation.looks import Seen, Unseen
from model.curation.source_photo import SourcePhoto
from model.curation.stage_store import StageStore
from model.curation.stages import Outcome, Stage

Looks = Callable[[Iterable[Unseen]], Iterator[Seen]]
"""Does stages of photos, one by one or many at once; the order is its own."""


@dataclass
class Work:
    """A photo on its way.

    Attributes:
        photo: the photo.
        outcomes: outcomes of the stages so far, by their names.
        failed: name of the stage at which it was set aside, or failed in this run, and the reason.
    """

    photo: SourcePhoto
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: tuple[str, str] | None = None


class OtherLooks:
    """Hands out photos, a few at a time, and keeps what comes back.

    Args:
        stages: all stages in their order.
        store: store of outcomes and attempts.
    """

    def __init__(self, stages: Sequence[Stage], store: StageStore) -> None:
        self._order = {stage.name: place for place, stage in enumerate(stages)}
        self._stages, self._store = stages, store
        self._in_hand: dict[str, tuple[Work, Unseen]] = {}
        self._through: deque[Work] = deque()

    def run(self, works: Iterable[Work], looks: Looks) -> Iterator[Work]:
        """Each work when it is through, in any order.

        Where this ends early no photo is to blame, so attempts in hand are taken back.

        Args:
            works: works on which the other stages are done.
            looks: whoever does the stages that look.
        """
        try:
            for seen in looks(self._handed_out(works)):
                yield self._taken_back(seen)
                while self._through:
                    yield self._through.popleft()
            yield from self._through
        finally:
            for work, unseen in self._in_hand.values():
                self._store.taken_back(work.photo.content_hash, unseen.stages[0])

    def _handed_out(self, works: Iterable[Work]) -> Iterator[Unseen]:
        for work in works:
            photo = work.photo.content_hash
            until = len(self._stages) if work.failed is None else self._order[work.failed[0]]
            left: list[Stage] = []
            for stage in self._stages[:until]:
                if not stage.looks:
                    continue
                known = None if left else self._store.outcome(photo, stage.name, stage.key)
                if known is None:
                    left.append(stage)
                else:
                    work.outcomes[stage.name] = known
            if not left:
                self._through.append(work)
            elif not self._store.begin(photo, left[0].name, left[0].key):
                work.failed = (left[0].name, self._store.reason(photo, left[0].name))
                self._through.append(work)
            else:
                names = tuple(stage.name for stage in left)
                # a copy, without the pixels that a stage here may have read
                unseen = Unseen(replace(work.photo), work.outcomes, names)
                self._in_hand[photo] = work, unseen
                yield unseen

    def _taken_back(self, seen: Seen) -> Work:
        """The work with what was seen, which is kept."""
        photo, store = seen.content_hash, self._store
        work, unseen = self._in_hand.pop(photo)
        keys = {stage.name: stage.key for stage in self._stages}
        for name, outcome in seen.outcomes.items():
            store.keep(photo, name, keys[name], outcome)
        work.outcomes = {**work.outcomes, **seen.outcomes}
        if seen.failed is not None:
            name, reason = seen.failed
            if name != unseen.stages[0]:  # of the first an attempt is written down
                store.begin(photo, name, keys[name])
            store.failed(photo, name, reason)
            work.failed = seen.failed
        return work
