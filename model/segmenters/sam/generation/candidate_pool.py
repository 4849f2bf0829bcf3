"""Candidates of one photo until all points have been asked, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from model.segmenters.sam.generation.box_nms import Kept, best_distinct
from model.segmenters.sam.generation.candidates import Candidate
from model.segmenters.sam.generation.upsampling import Enlarged, Thresholds, enlarged
from model.segmenters.sam.resize_maps import Frame

BUDGET = 64 << 20  # bytes of logits


class Pool:
    """Candidates, of which the best distinct ones are wanted in the end.

    Logits are held for those that may be kept. When they exceed the budget, what there is of them
    is enlarged at once and remembered as runs, a few kilobytes each: slower, and the same masks.

    Args:
        frame: map from the frame's pixels to the cells they read.
        thresholds: logits at which masks are cut.
        allowed: whether a mask, enlarged, may be kept at all.
    """

    def __init__(
        self,
        frame: Frame,
        thresholds: Thresholds,
        allowed: Callable[[Enlarged], bool],
    ) -> None:
        self._frame = frame
        self._thresholds = thresholds
        self._allowed = allowed
        self._open: list[Candidate] = []
        self._settled: list[Candidate] = []
        self._bytes = 0

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Some more."""
        for candidate in candidates:
            self._open.append(candidate)
            self._bytes += candidate.piece.nbytes
            if self._bytes > BUDGET:
                self._settle()

    def best_distinct(self, overlap: float) -> list[Kept]:
        """Candidates that survive greedy suppression at that IoU of boxes, best first."""
        together = sorted(self._settled + self._open, key=lambda one: one.number)
        return best_distinct(together, self._enlarged, self._allowed, overlap)

    def _settle(self) -> None:
        for candidate in self._open:
            mask = self._enlarged(candidate)
            if self._allowed(mask):
                self._settled.append(replace(candidate, piece=mask))
        self._open, self._bytes = [], 0

    def _enlarged(self, candidate: Candidate) -> Enlarged:
        if isinstance(candidate.piece, Enlarged):
            return candidate.piece
        return enlarged(candidate.piece, self._frame, self._thresholds)
