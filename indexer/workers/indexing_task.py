"""The task of indexing: files of photos looked at with a preset's models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from indexer.workers.pipeline import Outcome, process
from model.errors import WorkerKilled, shown
from model.presets.preset import load_preset
from model.task import Ask, Fate, Needs, Task


@dataclass(frozen=True)
class IndexingTask(Task[str, Outcome]):
    """Looks at files of photos, each named by its path; asks which digests of pixels are known.

    Attributes:
        preset: preset whose models look.
        max_megapixels: photos with more are skipped.
        thumbnails: whether a thumbnail is made of each photo.
        needs: needs of a process that does it.
    """

    preset: str
    max_megapixels: float
    thumbnails: bool = True
    needs: Needs = field(default_factory=Needs)

    def load(self, ask: Ask) -> Callable[[Sequence[str]], list[Outcome]]:
        """The preset's models, at work on photos; raises what building them raises."""
        preset = load_preset(self.preset)
        models = preset.build()

        def known(digests: list[bytes]) -> list[bool]:
            return ask(digests) or [False] * len(digests)

        def look(paths: Sequence[str]) -> list[Outcome]:
            most = self.max_megapixels
            return process(paths, preset, models, most, known, thumbnails=self.thumbnails)

        return look

    def lost(self, item: str, fate: Fate) -> Outcome:
        """The photo skipped, with its reason."""
        told = fate.told(shown(item))
        if fate.killed:
            reason = f"{told}: free some, or index again with `jobs=1`"
            return Outcome(item, kind=WorkerKilled.__name__, reason=reason)
        return Outcome(
            item, kind="PhotoUnreadable", reason=f"{told}: try it again with `retry=True`"
        )
