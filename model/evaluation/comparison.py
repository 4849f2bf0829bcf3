"""Several methods' answers to the same queries, as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.ranking import (
    Bools,
    Floats,
    Ranking,
    chance_average_precision,
    chance_precision,
    chance_success,
    mean,
)
from model.evaluation.tables import Row, Table

CHANCE = "chance"
CROPS, WHOLE, IMAGENET = "crops", "whole photos", "ImageNet names"
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Measure:
    """A figure of a ranking.

    Attributes:
        name: name of the figure, as "mAP".
        of: the Q figures of a ranking, given what is relevant and what is ignored (Q×M), and
            how many relevant ones there are (Q, or None where all are candidates).
        chance: expected value for a random order, given how many candidates are relevant,
            how many there are, and how many relevant ones there are at all.
    """

    name: str
    of: Callable[[Ranking, Bools, Bools | None, Counts | None], Floats]
    chance: Callable[[int, int, int], float]


MAP = Measure(
    "mAP",
    lambda ranking, relevant, ignored, total: ranking.average_precision(relevant, ignored, total),
    chance_average_precision,
)


def precision_measure(k: int) -> Measure:
    """P@k."""
    return Measure(
        f"P@{k}",
        lambda ranking, relevant, ignored, total: ranking.precision(relevant, k, ignored, total),
        lambda relevant, candidates, total: chance_precision(relevant, candidates, total, k),
    )


def success_measure(k: int) -> Measure:
    """R@k: whether one of the first k answers is right."""
    return Measure(
        f"R@{k}",
        lambda ranking, relevant, ignored, total: ranking.success(relevant, k, ignored, total),
        lambda relevant, candidates, total: chance_success(relevant, candidates, total, k),
    )


P10, R1, R10 = precision_measure(10), success_measure(1), success_measure(10)
MEASURES = (MAP, P10, R1, R10)


@dataclass(frozen=True, eq=False)
class Answers:
    """One method's answers to Q queries over its own M candidates.

    Attributes:
        ranking: ranking of the candidates.
        relevant: Q×M bool.
        ignored: Q×M bool, candidates that count neither as right nor as wrong.
        total: Q, how many relevant ones there are, where not all are candidates.
    """

    ranking: Ranking
    relevant: Bools
    ignored: Bools | None = None
    total: Counts | None = None

    def figures(self, measure: Measure) -> Floats:
        """Q figures, NaN for queries without a right answer."""
        return measure.of(self.ranking, self.relevant, self.ignored, self.total)

    def chance(self, measure: Measure) -> Floats:
        """Q figures that a random order of the same candidates reaches."""
        counted = self.relevant if self.ignored is None else self.relevant & ~self.ignored
        found = counted.sum(axis=1)
        total = found if self.total is None else self.total
        numbers = zip(
            found.tolist(),
            self.ranking.candidates(self.ignored).tolist(),
            total.tolist(),
            strict=True,
        )
        return np.array([measure.chance(*three) for three in numbers], np.float64)


def compared(
    what: str,
    measure: Measure,
    methods: Mapping[str, Answers | None],
    queries: Bools | None = None,
) -> Row | None:
    """A row: the mean figure of each method, and chance (of the first method's candidates).

    Args:
        what: the row's name; the measure's is put after it.
        measure: the figure.
        methods: answers by the name of the column; None where a method has none.
        queries: Q bool, those that count; all by default.

    Returns:
        The row; None when no query has a right answer.
    """
    first = next(answers for answers in methods.values() if answers is not None)
    chosen = np.ones(len(first.relevant), np.bool_) if queries is None else queries
    own = first.figures(measure)[chosen]
    count = int((~np.isnan(own)).sum())
    if not count:
        return None
    figures = [
        None if answers is None else mean(answers.figures(measure)[chosen])
        for answers in methods.values()
    ]
    name = f"{what}: {measure.name}" if what else measure.name
    return Row(name, count, (*figures, mean(first.chance(measure)[chosen])))


def comparison_table(
    title: str, cases: str, columns: tuple[str, ...], rows: Iterable[Row | None]
) -> Table:
    """A table of such rows, those left out that are None; `columns` are the methods' names."""
    return Table(title, cases, (*columns, CHANCE), tuple(row for row in rows if row is not None))
