"""Patience with stores: how many photos in a row may fail to be read before a run ends."""

from __future__ import annotations

from indexer.workers.pipeline import Outcome
from model.errors import PhotoUnreachable, RootUnreachable, StoreAway, StoreRefuses, shown
from model.stores.urls import is_url, parts

MOST_IN_A_ROW = 20
"""Photos; each was asked for several times, with waits between."""
_KINDS = frozenset(kind.__name__ for kind in (PhotoUnreachable, StoreAway, StoreRefuses))


class StorePatience:
    """Count of the photos in a row that no store handed out.

    A store that went away, or whose credentials ran out, fails for every photo that is left: to
    find that out for a million of them would take days.
    """

    def __init__(self) -> None:
        self._in_a_row = 0

    def heed(self, outcome: Outcome) -> None:
        """Take note of what became of a photo.

        Raises:
            RootUnreachable: too many in a row were not handed out.
        """
        if not is_url(outcome.path):
            return
        self._in_a_row = self._in_a_row + 1 if outcome.kind in _KINDS else 0
        if self._in_a_row >= MOST_IN_A_ROW:
            protocol, bucket, _ = parts(outcome.path)
            raise RootUnreachable(
                f"{self._in_a_row} photos in a row could not be read from"
                f" {protocol}://{shown(bucket)} ({outcome.reason})",
                "index again when that is mended: what was taken in until now stays",
            )
