"""Report: what an indexing run did."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from model.errors import shown

if TYPE_CHECKING:
    from indexer.scan.plan import Plan


@dataclass
class Report:
    """Account of an indexing run, or under `dry_run` of what it would do.

    Attributes:
        added: photos looked at and stored.
        recognised: files whose content was known: moved, copied or touched.
        unchanged: files that needed nothing.
        removed: files forgotten by pruning.
        missing: files of the index that are no longer in their folder.
        segments: segments stored with the added photos.
        skipped: path, kind and reason of every photo that could not be used, first of those that a
            former run told already.
        skipped_before: number of these, which are unchanged since then.
        unsupported: files by suffix, images of a kind that is not read here.
        unsupported_paths: their paths.
        passed_over: folders and pictures that are no part of a collection: path and reason.
        kept: files of the index that are passed over now; they stay in it.
        seconds: wall time.
        dry_run: whether nothing was written.
        notes: lines worth telling.
    """

    added: int = 0
    recognised: int = 0
    unchanged: int = 0
    removed: int = 0
    missing: int = 0
    segments: int = 0
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    unsupported: Counter[str] = field(default_factory=Counter)
    unsupported_paths: list[str] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    kept: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    notes: list[str] = field(default_factory=list)
    skipped_before: int = 0

    @property
    def newly_skipped(self) -> list[tuple[str, str, str]]:
        """Path, kind and reason of the photos that this run found to be unusable."""
        return self.skipped[self.skipped_before :]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Report as far as it can be told before the first photo is looked at."""
        unreadable = [
            (item.path, "PhotoUnreachable", f"{shown(item.path)} cannot be read ({item.reason})")
            for item in plan.unreadable
        ]
        return cls(
            unchanged=plan.unchanged,
            missing=len(plan.gone),
            skipped=plan.skipped + unreadable,
            skipped_before=len(plan.skipped),
            unsupported=plan.unsupported_counts,
            unsupported_paths=sorted(path for paths in plan.unsupported.values() for path in paths),
            passed_over=[(item.path, item.reason) for item in plan.passed_over],
            kept=len(plan.kept),
        )

    def expect(self, plan: Plan, *, prune: bool) -> None:
        """Tell what carrying out the plan would do, were all its photos readable."""
        self.dry_run = True
        self.added = len(plan.look)
        self.recognised = len(plan.known) + sum(len(twins) for twins in plan.twins.values())
        if prune:
            self.removed, self.missing = len(plan.gone), 0

    def __str__(self) -> str:
        counts = {
            "added": self.added,
            "recognised": self.recognised,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "skipped": len(self.skipped),
            "unsupported": self.unsupported.total(),
        }
        told = [f"{n} {name}" for name, n in counts.items() if n or name == "added"]
        return ", ".join(told) + (" (dry run: nothing was written)" if self.dry_run else "")

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        skipped = [dict(zip(("path", "kind", "reason"), s, strict=True)) for s in self.skipped]
        passed = [dict(zip(("path", "reason"), p, strict=True)) for p in self.passed_over]
        return asdict(self) | {
            "unsupported": dict(self.unsupported),
            "skipped": skipped,
            "passed_over": passed,
        }
