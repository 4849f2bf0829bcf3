"""Completing: from an answer to the snapshot of all that answers, step by step."""

from __future__ import annotations

from functools import partial

import numpy as np

from indexer.catalog.filter import Filter
from indexer.vectors.exact_search import contains
from searchengine.engine import SearchEngine
from searchengine.matches.matches import Matches
from searchengine.overview.arrangement import Group, arranged
from searchengine.overview.columns import KeptColumns
from searchengine.web.snapshots import Arranging, Rows, Snapshot, Steps


def snapshot_of(
    matches: Matches, engine: SearchEngine, wanted: Arranging, columns: KeptColumns
) -> Snapshot:
    """The snapshot of an answer that was just given; complete where that costs nothing."""
    index = engine.reader
    catalog = index.catalog
    assert matches.asked is not None
    assert matches.passed is not None
    where = matches.asked.where
    if where == Filter():
        behind = len(index.vectors) - len(matches.passed)
    else:
        allowed = catalog.segment_ids(where)
        behind = len(allowed) - int(contains(matches.passed, allowed).sum())
    rows = Rows(
        np.array([match.segment_id for match in matches], np.int64),
        np.array([match.score for match in matches], np.float32),
        np.array([_or_nan(match.confidence) for match in matches], np.float32),
    )
    least = wanted.least_confidence
    cut = least > 0 and not np.isnan(rows.confidences).any()
    above = int((rows.confidences >= least).sum()) if cut else len(matches)
    ended = behind == 0 or (cut and above < len(matches))
    snapshot = Snapshot(
        matches.asked,
        matches.query,
        catalog.generation,
        wanted,
        Rows(rows.ids[:above], rows.scores[:above], rows.confidences[:above]),
        above if cut else len(matches) + behind,
        complete=False,
        merged={match.segment_id: match.merged for match in matches if match.merged},
        duplicates={m.segment_id: m.duplicate_ids for m in matches if m.duplicate_ids},
    )
    if ended and not snapshot.rearranged:
        snapshot.complete = True
    else:
        snapshot.steps = _completing(snapshot, matches, engine, columns, cut=cut, ended=ended)
    return snapshot


def _completing(
    snapshot: Snapshot,
    matches: Matches,
    engine: SearchEngine,
    columns: KeptColumns,
    *,
    cut: bool,
    ended: bool,
) -> Steps:
    """Steps that complete a snapshot: ranking, cut-off, order and groups."""
    catalog, wanted = engine.reader.catalog, snapshot.wanted
    ids, scores, confidences = snapshot.rows
    if not ended:
        ranking = engine.ranking(matches)
        yield
        end = len(ranking)
        if cut:
            parts = [np.zeros(0, np.float32)]
            for some in ranking.judged_down_to(wanted.least_confidence, catalog):
                parts.append(some)
                yield
            confidences = np.concatenate(parts)
            end = len(confidences)
        if ranking.judge is not None:
            snapshot.judge = partial(ranking.judge, ranking.question)
        ids, scores = ranking.ids[:end], ranking.scores[:end]
        yield
    if snapshot.rearranged:
        confidences = np.concatenate(
            [confidences, np.full(len(ids) - len(confidences), np.nan, np.float32)]
        )
        known = columns.of(catalog)
        yield
        bursts = columns.bursts(catalog) if wanted.group is Group.burst else None
        places = arranged(ids, known, wanted.order, wanted.group, bursts)
        ids, scores, confidences = ids[places], scores[places], confidences[places]
    snapshot.rows = Rows(ids, scores, confidences)
    snapshot.total = len(ids)
    snapshot.complete, snapshot.steps = True, None


def _or_nan(number: float | None) -> float:
    return float("nan") if number is None else number
