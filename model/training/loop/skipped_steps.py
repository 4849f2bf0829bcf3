"""Steps that are not taken, since their loss or gradient is not finite."""

from __future__ import annotations

from dataclasses import dataclass

from model.errors import TrainingDiverged

WINDOW = 100  # steps in which skipped ones are counted


@dataclass
class SkippedSteps:
    """Count of the steps that were skipped.

    Attributes:
        limit: skipped steps among the last `WINDOW` that are borne.
        recent: numbers of those.
        total: number of all.
    """

    limit: int
    recent: tuple[int, ...] = ()
    total: int = 0

    def add(self, step: int) -> None:
        """Count a step.

        Raises:
            TrainingDiverged: there are too many.
        """
        self.total += 1
        self.recent = (*(each for each in self.recent if each > step - WINDOW), step)
        if len(self.recent) > self.limit:
            raise TrainingDiverged(
                f"{len(self.recent)} of the last {min(WINDOW, step)} steps had no finite"
                f" loss or gradient (step {step})",
                "lower [trainer] lr, or train in float32",
            )
