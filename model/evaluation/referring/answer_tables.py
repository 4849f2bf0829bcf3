"""Tables of the answers to referring expressions: how often they are right, and how fast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.datasets.referring_expressions import ReferringCase
from model.evaluation.intervals import ratio_interval
from model.evaluation.referring.measure import BEST, CASCADE, CHANCE, RECALL, ReferringAnswers
from model.evaluation.referring.metrics import MEASURES, Ratio
from model.evaluation.tables import Row, Table

METHODS = (RECALL, CASCADE)
BOUNDED = tuple(name for method in METHODS for name in (method, f"{method}: from", f"{method}: to"))
"""Columns of both methods, each with the bounds of its 95 % interval by photo."""

Bools = NDArray[np.bool_]


def referring_tables(answers: ReferringAnswers) -> tuple[Table, ...]:
    """Tables of the answers: all, by who said it, and by what sets the region apart; then time."""
    groups = _groups(answers.cases)
    tables = [_region_table(answers, groups)]
    if answers.own:
        tables.append(_own_table(answers, [group for group in groups if ":" not in group[0]]))
    return (*tables, _time_table(answers))


def _region_table(answers: ReferringAnswers, groups: Sequence[tuple[str, Bools]]) -> Table:
    each = np.ones(len(answers.cases))
    right = [Ratio(answers.right[method].astype(np.float64), each) for method in METHODS]
    rows = []
    for name, inside in groups:
        chance = float(answers.chance[inside].mean())
        rows.append(Row(name, int(inside.sum()), (*_bounded(answers, right, inside), chance)))
    title = "expression → region, true masks given, all of the photo's"
    return Table(title, "expressions", (*BOUNDED, CHANCE), tuple(rows))


def _own_table(answers: ReferringAnswers, groups: Sequence[tuple[str, Bools]]) -> Table:
    of = {name: own.ratios(answers.own[BEST]) for name, own in answers.own.items()}
    rows = []
    for name, inside in groups:
        for measure in MEASURES:
            ratios = [of[method][measure] for method in METHODS]
            best = of[BEST][measure][inside].value
            figures = (*_bounded(answers, ratios, inside), best)
            rows.append(Row(f"{name}: {measure}", int(inside.sum()), figures))
    return Table("expression → own mask", "expressions", (*BOUNDED, BEST), tuple(rows))


def _time_table(answers: ReferringAnswers) -> Table:
    queries = tuple(1000 * float(np.median(answers.seconds[method])) for method in METHODS)
    rows = [Row("a query, its photo looked at before", len(answers.cases), queries)]
    for what, seconds in answers.photo_seconds.items():
        both = 1000 * float(np.median(seconds))
        rows.append(Row(f"a photo: {what}", len(seconds), (both, both)))
    return Table("median milliseconds", "times", METHODS, tuple(rows))


def _bounded(
    answers: ReferringAnswers, ratios: Sequence[Ratio], inside: Bools
) -> tuple[float | None, ...]:
    """Each figure of some of the expressions, with the bounds of its interval."""
    photo = np.array([case.photo for case in answers.cases])[inside]
    some = [ratio[inside] for ratio in ratios]
    above, below = (
        np.stack([getattr(ratio, part) for ratio in some], axis=1) for part in ("above", "below")
    )
    low, high = ratio_interval(above, below, photo)
    told = zip([ratio.value for ratio in some], low, high, strict=True)
    return tuple(
        figure
        for value, least, most in told
        for figure in ((value, float(least), float(most)) if value is not None else (None,) * 3)
    )


def _groups(cases: Sequence[ReferringCase]) -> list[tuple[str, Bools]]:
    """Names of groups, and Q bool each: all, each style, and the kinds within each."""
    styles, kinds = np.array([c.style for c in cases]), np.array([c.kind for c in cases])
    groups = [("all", np.ones(len(cases), np.bool_))]
    for style in dict.fromkeys(styles.tolist()):
        own = styles == style
        if not own.all():
            groups.append((str(style), own))
        groups += [
            (f"{style}: {kind}", own & (kinds == kind))
            for kind in dict.fromkeys(kinds[own].tolist())
            if kind
        ]
    return groups
