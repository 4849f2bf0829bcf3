"""Report of a curation: what each stage made and lost, and why; what the phrases are; samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.curation.other_looks import Work
from model.curation.stages import Stage
from model.language.plurals import singular

SAMPLES = 24  # photos that the page shows
EXAMPLES = 5  # of what was lost for one reason
COMMON = 40  # heads that are listed
MADE = {"phrases": "phrases", "boxes": "boxes", "masks": "counts", "pairs": "pairs"}


@dataclass(frozen=True, eq=False)
class Report:
    """What a curation made and lost.

    Attributes:
        counts: numbers of photos, of those set aside, and of what each stage made.
        losses: numbers of what was lost, with some examples, by stage and reason.
        heads: commonest heads of the pairs' first texts, in the singular, with their numbers.
        kinds: pairs by their kind.
        set_aside: photos that did not come through, by stage and reason, with some names.
        samples: the first photos by hash, with what every stage gave.
    """

    counts: Mapping[str, int]
    losses: Mapping[str, Mapping[str, tuple[int, tuple[str, ...]]]]
    heads: tuple[tuple[str, int], ...]
    kinds: Mapping[str, int]
    set_aside: Mapping[tuple[str, str], tuple[int, tuple[str, ...]]]
    samples: tuple[Work, ...]

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data."""
        return {
            "counts": dict(self.counts),
            "losses": {
                stage: {
                    reason: {"count": count, "examples": list(some)}
                    for reason, (count, some) in reasons.items()
                }
                for stage, reasons in self.losses.items()
            },
            "heads": dict(self.heads),
            "kinds": dict(self.kinds),
            "set_aside": [
                {"stage": stage, "reason": reason, "count": count, "photos": list(some)}
                for (stage, reason), (count, some) in self.set_aside.items()
            ],
        }


class ReportBuilder:
    """Gathers a report, photo by photo.

    Args:
        stages: stages of the curation.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._counts = Counter[str]({"photos": 0, "photos set aside": 0, "photos with pairs": 0})
        self._losses: dict[str, dict[str, tuple[int, tuple[str, ...]]]] = {
            stage.name: {} for stage in stages
        }
        self._heads, self._kinds = Counter[str](), Counter[str]()
        self._aside: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = defaultdict(
            lambda: (0, ())
        )
        self._samples: list[Work] = []

    def add(self, work: Work) -> None:
        """Count a photo that went through the stages, or as far as it came."""
        self._counts["photos"] += 1
        for stage, data in work.outcomes.items():
            what = MADE.get(stage, "captions")
            self._counts["masks" if what == "counts" else what] += len(data[what])
            for lost, reason, _ in data["losses"]:
                self._lost(stage, reason, lost)
        if work.failed is not None:
            self._counts["photos set aside"] += 1
            count, some = self._aside[work.failed]
            names = (*some, work.photo.name) if len(some) < EXAMPLES else some
            self._aside[work.failed] = (count + 1, names)
            return
        pairs = work.outcomes["pairs"]["pairs"]
        self._counts["photos with pairs"] += bool(pairs)
        for pair in pairs:
            self._kinds[pair["kind"]] += 1
            self._heads[singular(pair["texts"][-1].split()[-1])] += 1
            self._counts["texts"] += len(pair["texts"])
        if pairs and len(self._samples) < SAMPLES:
            self._samples.append(work)

    def finished(self) -> Report:
        """The report."""
        heads = sorted(self._heads.items(), key=lambda item: (-item[1], item[0]))[:COMMON]
        return Report(
            dict(self._counts),
            {stage: dict(sorted(reasons.items())) for stage, reasons in self._losses.items()},
            tuple(heads),
            dict(sorted(self._kinds.items())),
            dict(sorted(self._aside.items())),
            tuple(self._samples),
        )

    def _lost(self, stage: str, reason: str, what: str) -> None:
        count, some = self._losses[stage].get(reason, (0, ()))
        if len(some) < EXAMPLES and what not in some:
            some = (*some, what)
        self._losses[stage][reason] = (count + 1, some)
