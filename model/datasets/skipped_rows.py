"""Rows of the training data that could not be used, and why."""

from __future__ import annotations

from collections import Counter


class SkippedRows:
    """Counts rows that are left out, by reason, with the first of each."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def note(self, where: str, reason: str, error: Exception | None = None) -> None:
        """One row more is left out.

        Args:
            where: place of the row, as "line 7 of a.jsonl".
            reason: one of few.
            error: exact error, if known.
        """
        self.reasons[reason] += 1
        detail = f": {error}" if error is not None and str(error) else ""
        self._first.setdefault(reason, f"{where}{detail}")

    def __len__(self) -> int:
        return self.reasons.total()

    def lines(self) -> list[str]:
        """Lines for people, one a reason, the most frequent first."""
        return [
            f"{count:,} rows skipped: {reason} (the first: {self._first[reason]})"
            for reason, count in self.reasons.most_common()
        ]
