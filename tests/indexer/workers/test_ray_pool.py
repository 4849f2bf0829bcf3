"""Photos are looked at over a Ray cluster as by this machine's own workers, whoever is killed."""

import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from indexer.index import Index
from indexer.update import Options, update
from indexer.workers.indexing_task import IndexingTask
from indexer.workers.local_pool import WorkerPool
from indexer.workers.ray_cluster import RayCluster, joined_cluster
from indexer.workers.ray_pool import RayPool
from model.errors import ClusterAway, ExtraMissing, PresetUnknown
from model.presets.preset import load_preset
from model.task import Needs

pytest.importorskip("ray", reason="the extra ray is not installed")
CONFIG = IndexingTask("colours", 200.0, needs=Needs(0.5))


@pytest.fixture
def cluster(ray_cluster: RayCluster) -> RayCluster:
    return ray_cluster


@pytest.fixture
def paths(tmp_path: Path, painted: ModuleType) -> list[str]:
    return [str(painted.paint(tmp_path / f"{number}.png", number)) for number in range(20)]


def process_of(actor: Any) -> int:
    """Number of an actor's process."""
    import ray

    return int(ray.get(actor.__ray_call__.remote(lambda self: os.getpid())))


def test_outcomes_are_those_of_this_machines_workers(
    cluster: RayCluster, paths: list[str], tmp_path: Path, painted: ModuleType
) -> None:
    deadly = str(painted.paint(tmp_path / "deadly.png", 50))
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")
    os.link(paths[0], odd)
    some = [*paths[:9], odd, str(tmp_path / "none.png")]
    with RayPool(cluster, CONFIG, 2) as pool:
        assert (pool.jobs, pool.given_up) == (2, 0)
        looked = {outcome.path: outcome for outcome in pool.do([*some, deadly])}
        own = [process_of(actor) for actor in pool._actors]
        assert [outcome.path for outcome in pool.do(paths[:1])] == paths[:1]
        # they stay, and so do the models that they loaded
        assert [process_of(actor) for actor in pool._actors] == own
    with WorkerPool(CONFIG, 2) as local:
        expected = {outcome.path: outcome for outcome in local.do(some)}
    assert looked.pop(deadly).kind == "PhotoUnreadable"
    assert looked.keys() == expected.keys()
    for path, outcome in looked.items():
        other = expected[path]
        assert (outcome.kind, outcome.reason, outcome.stamp, outcome.thumbnail) == (
            other.kind, other.reason, other.stamp, other.thumbnail
        )  # fmt: skip
        if other.photo is not None:
            assert outcome.photo is not None
            assert outcome.photo.segments.counts == other.photo.segments.counts
            np.testing.assert_array_equal(
                outcome.photo.embeddings.vectors, other.photo.embeddings.vectors
            )


def test_an_actor_that_is_killed_loses_nothing(
    cluster: RayCluster, paths: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    seen = []
    with RayPool(cluster, CONFIG, 1) as pool:
        for outcome in pool.do(paths):
            if not seen:
                os.kill(process_of(pool._actors[0]), signal.SIGKILL)
            seen.append(outcome.path)
            assert outcome.photo
    assert sorted(seen) == sorted(paths)
    assert capfd.readouterr().out == ""


def test_what_no_worker_can_look_with_is_one_error(cluster: RayCluster, paths: list[str]) -> None:
    pool = RayPool(cluster, IndexingTask("nothing", 200.0), 1)
    with pool, pytest.raises(PresetUnknown, match="'nothing'"):
        list(pool.do(paths))


def test_workers_are_as_many_as_the_cluster_has_room_for() -> None:
    machines = RayCluster("auto", cpus=64, gpus=4, memory=100e9)
    assert machines.worker_count(0, 1000, 1.0, on_gpu=False) == 64
    assert machines.worker_count(0, 1000, 5.0, on_gpu=False) == 20
    assert machines.worker_count(0, 1000, 5.0, on_gpu=True) == 4
    assert machines.worker_count(8, 5, 1.0, on_gpu=False) == 5
    assert machines.worker_count(0, 1000, 500.0, on_gpu=False) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_away_is_told_at_once(address: str) -> None:
    with pytest.raises(ClusterAway, match=r"cannot be joined.*refused"), joined_cluster(address):
        pass


def test_ray_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExtraMissing, match=r"segsearch\[ray\]"), joined_cluster("local"):
        pass


def test_an_index_made_over_a_cluster_holds_the_same(
    joined_by_all: None, paths: list[str], tmp_path: Path
) -> None:
    preset = load_preset("colours")
    found = []
    for name, address in (("over", "local"), ("here", "")):
        report = update(tmp_path / name, [tmp_path], preset, Options(jobs=2, ray=address))
        with Index.open(tmp_path / name) as index:
            ids = index.catalog.segment_ids()
            rows = index.catalog.segments(ids.tolist())
            vectors = index.catalog.vectors_of(ids)
            photos = index.catalog.photos({row.photo_id for row in rows.values()})
            held = sorted(
                (photos[row.photo_id].content_hash, row.counts, vector.tobytes())
                for row, vector in zip(rows.values(), vectors, strict=True)
            )
            found.append((report.added, report.segments, held))
    assert found[0] == found[1]
    assert found[0][0] == len(paths)
