"""Pipeline: photos through all stages, side by side, and what is known already left as it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from model.curation.other_looks import Looks, OtherLooks, Work
from model.curation.source_photo import SourcePhoto
from model.curation.stage_store import StageStore
from model.curation.stages import Outcome, Stage
from model.curation.streaming import Step, stream
from model.errors import EngineAway, EngineRefused, PhotoError

PATIENCE = 600.0
"""Seconds without any answer of an engine after which the run stops."""
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # seconds before an engine that is away is asked again


class Pipeline:
    """The stages, and the store of their outcomes.

    Args:
        stages: stages in their order.
        store: store of outcomes and attempts.
        looks: whoever does the stages that look at photos; None: threads of this process.
        clock, sleep: seconds that have passed, and a pause of so many; for tests.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        store: StageStore,
        looks: Looks | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stages, self._store, self._looks = stages, store, looks
        self._clock, self._sleep = clock, sleep

    def run(self, photos: Iterable[SourcePhoto]) -> Iterator[Work]:
        """Each photo when it is through, in any order; its outcomes are kept by then.

        Raises:
            EngineAway: an engine answered nothing for `PATIENCE` seconds. What is kept stays, so
                the same call goes on from there.
            CurationError, StorageFull: the store cannot be used.
            ClusterAway: whoever looks is away.
        """
        if self._looks is not None:
            yield from self._by_others(photos, self._looks)
            return
        yield from stream(_works(photos), self._steps(self._stages))

    def _by_others(self, photos: Iterable[SourcePhoto], looks: Looks) -> Iterator[Work]:
        new = []
        for photo in photos:
            work = self.known(photo)
            if work.failed is None:
                yield work
            else:
                new.append(photo)
        steps = self._steps([stage for stage in self._stages if not stage.looks])
        with closing(stream(_works(new), steps)) as works:
            yield from OtherLooks(self._stages, self._store).run(works, looks)

    def _steps(self, stages: Sequence[Stage]) -> list[Step[Work]]:
        return [
            Step(stage.name, _Runner(self, stage).run, stage.batch, stage.at_once)
            for stage in stages
        ]

    def known(self, photo: SourcePhoto) -> Work:
        """What the store has of a photo; nothing is run."""
        work = Work(photo)
        for stage in self._stages:
            data = self._store.outcome(photo.content_hash, stage.name, stage.key)
            if data is None:
                work.failed = (stage.name, self._store.reason(photo.content_hash, stage.name))
                break
            work.outcomes[stage.name] = data
        return work


def _works(photos: Iterable[SourcePhoto]) -> Iterator[Work]:
    # a copy of each photo: the pixels that it remembers go with its work
    return (Work(replace(photo)) for photo in photos)


class _Runner:
    """One stage at work on batches."""

    def __init__(self, pipeline: Pipeline, stage: Stage) -> None:
        self._stage, self._store = stage, pipeline._store
        self._clock, self._sleep = pipeline._clock, pipeline._sleep

    def run(self, works: list[Work]) -> list[Work]:
        """The same works with this stage's outcomes."""
        stage, store = self._stage, self._store
        new = []
        for work in works:
            if work.failed is not None:
                continue
            photo = work.photo.content_hash
            known = store.outcome(photo, stage.name, stage.key)
            if known is not None:
                work.outcomes[stage.name] = known
            elif store.begin(photo, stage.name, stage.key):
                new.append(work)
            else:
                work.failed = (stage.name, store.reason(photo, stage.name))
        if new:
            self._make(new)
        return works

    def _make(self, works: list[Work]) -> None:
        """Outcomes from the stage, all at once if that goes well, else photo by photo."""
        try:
            found = self._patiently(works)
        except (PhotoError, EngineRefused) as error:
            if len(works) > 1:
                for work in works:
                    self._make([work])
                return
            self._store.failed(works[0].photo.content_hash, self._stage.name, str(error))
            works[0].failed = (self._stage.name, str(error))
            return
        for work, data in zip(works, found, strict=True):
            self._store.keep(work.photo.content_hash, self._stage.name, self._stage.key, data)
            work.outcomes[self._stage.name] = data

    def _patiently(self, works: list[Work]) -> list[Outcome]:
        """What the stage gives, asked again while its engine is away."""
        photos, before = [work.photo for work in works], [work.outcomes for work in works]
        since, tries = self._clock(), 0
        while True:
            try:
                with self._stage.turn:
                    return self._stage.outcomes(photos, before)
            except EngineAway as error:
                pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
                tries += 1
                if self._clock() + pause - since <= PATIENCE:
                    self._sleep(pause)
                    continue
                for work in works:  # no photo is to blame
                    self._store.taken_back(work.photo.content_hash, self._stage.name)
                raise EngineAway(
                    f"nobody answered for {PATIENCE / 60:.0f} minutes ({error.what})",
                    "see to it and run the same command again: it goes on where it stopped",
                ) from error
