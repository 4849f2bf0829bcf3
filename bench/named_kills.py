"""Kills -9 at named points of indexing, of workers and of both servers; then all is compared.

Nothing may be missing, stale or orphaned: the same photos, masks and vectors as in a folder that
nobody disturbed, and searches that find what comparing all of the catalog's vectors finds.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from actor_kills import kill_actors
from deaths import POINTS
from forked_workers import Workers, is_there, painted_folder
from milvus_server import OwnMilvus, own_milvus
from postgres_server import OwnServer

from indexer.backends import keeper_of, open_catalog
from indexer.catalog.catalog import Catalog
from indexer.catalog.postgres.database import Database
from indexer.location import index_folder, parsed
from indexer.update import Options, update
from indexer.vectors import pgvector_graph
from model.errors import IndexMissing, StorageError
from model.presets.preset import load_preset

LEASE = 1.0
PHOTOS = 90
TOGETHER = 6
TRIED = 30
"""Photos that nobody tried yet below which nobody is killed: after three deaths in one's hands a
photo is skipped, as it should be."""
SHARES = {"process": 0.9, "postgres": 0.1}
OF_MILVUS = {"process": 0.7, "milvus": 0.2, "postgres": 0.1}
A_ROUND = 25
"""Kills after which an index with vectors in Milvus is compared as a whole."""


PARTS = ("sharing", "graphs", "milvus", "actors")


def kills(server: OwnServer, number: int, parts: Sequence[str] = PARTS) -> None:
    """So many kills at each of five points; half of those at the last two with vectors in Milvus.
    Actors of Ray are killed a quarter as often, at any moment: each takes seconds to start.

    Args:
        server: the database.
        number: kills a point.
        parts: those of `PARTS` that are done.
    """
    chance, died = random.Random(0), Died()
    half = number // 2
    with painted_folder(PHOTOS, (3, 4)) as photos, tempfile.TemporaryDirectory() as folder:
        embedded = Path(folder) / "embedded"
        update(embedded, [photos], load_preset("colours"), Options(jobs=1))
        if "sharing" in parts:
            plan = _planned(chance, POINTS[:3], SHARES, number)
            plan += _planned(chance, POINTS[3:4], SHARES, number - half)
            chance.shuffle(plan)
            rounds = 0
            while plan:
                rounds += 1
                _share(server.uri(f"kills{rounds}"), photos, embedded, plan, died, chance)
                _tell(died)
        if "graphs" in parts:
            plan = _planned(chance, POINTS[4:], SHARES, number - half)
            _graphs(server.uri("graphs"), photos, embedded, plan, died)
            _tell(died)
        if "milvus" in parts:
            plan = _planned(chance, POINTS[3:], OF_MILVUS, half)
            chance.shuffle(plan)
            with own_milvus() as milvus:
                for start in range(0, len(plan), A_ROUND):
                    uri = server.uri(f"applied{start}").replace("+pgvector", "+milvus")
                    uri = f"{uri}&milvus={milvus.uri}&milvus_index=FLAT"
                    some = plan[start : start + A_ROUND]
                    _apply(uri, milvus, photos, embedded, some, died, chance)
                    _tell(died)
        if "actors" in parts:
            uri = server.uri("actors")
            kill_actors(uri, photos, number // 4, chance, partial(_count_actor, died))
            _compare(index_folder(uri), embedded)
            _tell(died)


def _count_actor(died: Died) -> None:
    died["pgvector", "at any moment", "an actor of Ray"] += 1


Plan = list[tuple[str, str]]
"""Points and victims."""
Died = Counter[tuple[str, str, str]]
"""Kills by store, point and victim."""


def _planned(
    chance: random.Random, points: tuple[str, ...], shares: dict[str, float], number: int
) -> Plan:
    plan = []
    for point in points:
        victims = [v for v, share in shares.items() for _ in range(round(share * number))]
        victims = (victims + ["process"] * number)[:number]
        plan += [(point, victim) for victim in victims]
    return plan


def _share(
    uri: str, photos: Path, embedded: Path, plan: Plan, died: Died, chance: random.Random
) -> None:
    """A round of some workers at a time that die while they share the photos."""
    workers, database = Workers(uri, photos, 0, LEASE), Database(parsed(uri)[0])
    running: dict[int, tuple[str, str]] = {}
    before = 0
    while True:
        _count(workers, running, plan, died)
        now, untried = _progress(database)
        assert now >= before, f"{before - now} photos are lost"
        before = now
        if (now and untried < TRIED) or not plan:
            break
        while len(running) < TOGETHER and plan:
            point, victim = plan.pop()
            order = f"{point}|{chance.choice((1, 1, 2))}|{victim}"
            running[workers.start(order)] = point, victim
        time.sleep(0.05)
    _finish(workers, list(running))
    _count(workers, running, plan, died)
    workers.end()
    database.close()
    _compare(index_folder(uri), embedded)


def _count(workers: Workers, running: dict[int, tuple[str, str]], plan: Plan, died: Died) -> None:
    """Count the deaths of those who run no more; where nobody died it is planned again."""
    ended = [pid for pid in running if not is_there(pid)]
    told = _died(workers)
    for pid in ended:
        point, victim = running.pop(pid)
        if (str(pid), victim) in told:
            died["pgvector", point, victim] += 1
        else:
            plan.append((point, victim))


def _progress(database: Database) -> tuple[int, int]:
    """Photos that are stored, and files that nobody tried."""
    try:
        ((stored, untried),) = database.run(
            "SELECT (SELECT count(*) FROM photos), (SELECT count(*) FROM jobs WHERE attempts = 0)"
        )
    except IndexMissing:
        return 0, 0
    return stored, untried


def _graphs(uri: str, photos: Path, embedded: Path, plan: Plan, died: Died) -> None:
    """Workers that die while the graph is made, one after the other."""
    pgvector_graph.FROM = 10
    workers, index = Workers(uri, photos, 0, LEASE), index_folder(uri)
    _finish(workers, [])
    while plan:
        with open_catalog(index) as catalog:
            pgvector_graph.VectorGraph(catalog.database).drop()  # type: ignore[attr-defined]
        point, victim = plan.pop()
        pid = workers.start(f"{point}|1|{victim}")
        while is_there(pid):
            time.sleep(0.01)
        if (str(pid), victim) in _died(workers):
            died["pgvector", point, victim] += 1
        else:
            plan.append((point, victim))
        _asked(index, lambda catalog: _require_answers(catalog, exact=False) or 1)
    workers.end()
    with open_catalog(index) as catalog:
        keeper = keeper_of(index, catalog)
        keeper.sync(writable=True)
        assert keeper.problems() == []
        pgvector_graph.VectorGraph(catalog.database).drop()  # type: ignore[attr-defined]
    pgvector_graph.FROM = 100_000
    _compare(index, embedded)


def _apply(
    uri: str,
    milvus: OwnMilvus,
    photos: Path,
    embedded: Path,
    plan: Plan,
    died: Died,
    chance: random.Random,
) -> None:
    """Workers and servers that die while what changed is stored and sent to Milvus."""
    workers, index = Workers(uri, photos, 0, LEASE), index_folder(uri)
    _finish(workers, [])
    while plan:
        with open_catalog(index) as catalog:
            paths = [known.stamp.path for known in catalog.files()]
            catalog.forget_files(chance.sample(paths, 3))
        point, victim = plan.pop()
        told = str(milvus.pid) if victim == "milvus" else victim
        pid = workers.start(f"{point}|{chance.randint(1, 3)}|{told}")
        while is_there(pid):
            if not milvus.is_there():
                milvus.kill()
                milvus.start()
            time.sleep(0.01)
        if (str(pid), victim) in _died(workers):
            died["milvus", point, victim] += 1
        else:
            plan.append((point, victim))
        if not milvus.is_there():
            milvus.kill()
            milvus.start()
        if chance.random() < 0.5:  # else the next one meets what this one left
            _asked(index, lambda catalog: _require_answers(catalog) or 1)
    _finish(workers, [])
    workers.end()
    _compare(index, embedded)


def _finish(workers: Workers, running: list[int]) -> None:
    """Wait until a worker that nobody kills, and those that run, are through."""
    for pid in [*running, workers.start()]:
        while is_there(pid):
            time.sleep(0.02)


def _died(workers: Workers) -> set[tuple[str, str]]:
    """Pids of those who told that somebody dies, and who it was."""
    return {(line[1], line[2]) for line in workers.told if line[:1] == ["died"]}


def _asked(index: Path, question: Callable[[Catalog], int]) -> int:
    """An answer, however often the server is away meanwhile; 0 where there is no index yet."""
    until = time.monotonic() + 60
    while True:
        try:
            with open_catalog(index) as catalog:
                return question(catalog)
        except IndexMissing:
            return 0
        except StorageError:
            if time.monotonic() > until:
                raise
        time.sleep(0.05)


def _compare(index: Path, embedded: Path) -> None:
    """Raise where anything is missing, stale or orphaned."""
    with open_catalog(index) as catalog, open_catalog(embedded, readonly=True) as other:
        assert contents(catalog) == contents(other)
        assert catalog.check(full=True) == []
        assert catalog.skipped() == []
        for orphans in (
            "jobs",
            "segments WHERE photo_id NOT IN (SELECT id FROM photos)",
            "vectors WHERE segment_id NOT IN (SELECT id FROM segments)",
            "photos WHERE id NOT IN (SELECT photo_id FROM files)",
        ):
            found = catalog.database.run(f"SELECT count(*) FROM {orphans}")  # type: ignore[attr-defined]
            assert found == [(0,)], orphans
        _require_answers(catalog)
        keeper = keeper_of(index, catalog)
        keeper.sync(writable=True)
        assert keeper.problems() == []


def _require_answers(catalog: Catalog, *, exact: bool = True) -> None:
    """Raise where a search finds other than comparing all of the catalog's vectors does; by a
    graph, where it finds what is not there, or too little."""
    ids = catalog.segment_ids()
    halves = catalog.vectors_of(ids).astype(np.float16).astype(np.float64)
    store = keeper_of(catalog.folder, catalog).vectors()  # type: ignore[attr-defined]
    for question in np.random.default_rng(1).standard_normal((2, halves.shape[1]), np.float32):
        scores = (halves @ question).astype(np.float32)
        hits = store.search(question, 20)  # of those that score the same any may be told
        assert len(hits) == 20
        if exact:
            assert hits.scores.tolist() == sorted(scores.tolist(), reverse=True)[:20]
        assert scores[np.searchsorted(ids, hits.ids)].tolist() == hits.scores.tolist()


def contents(catalog: Catalog) -> dict[str, tuple[object, ...]]:
    """By file: everything that is known of each photo, but for ids."""
    held = {}
    for row in catalog.photos(catalog.photo_ids().tolist()).values():
        segments = catalog.segments_of(row.id)
        held[row.path] = (
            row.content_hash, row.files, row.size, row.perceptual_hash,
            [(s.counts, s.box, s.area, s.quality, s.ordinal) for s in segments],
            catalog.vectors_of([s.id for s in segments]).tobytes(),
        )  # fmt: skip
    return held


def _tell(died: Died) -> None:
    told = ", ".join(f"{count} {' '.join(each)}" for each, count in sorted(died.items()))
    print(f"{sum(died.values())} kills survived: {told}", flush=True)
