"""RayPool: a worker pool over the machines of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Self

from indexer.workers.local_pool import LEAST_PATIENCE, WorkerPool
from indexer.workers.pipeline import Outcome
from indexer.workers.ray_cluster import RayCluster, load_ray
from indexer.workers.worker import WorkerConfig
from model.errors import ClusterAway, SegsearchError, shown

PHOTOS_A_BATCH = 8
"""Photos that an actor gets at a time: what is looked at again where one is killed."""


class RayPool:
    """`jobs` actors, started when the first photo comes, each with a worker process of its own.

    Ray tries a task whose actor died again, for ever, and a photo that kills its decoder would
    kill the actor: so the worker process does the looking, and a photo that ends it is blamed by
    the actor's own pool, as in `WorkerPool`. An actor that is killed itself is replaced, and its
    batch looked at again. Of the outcomes no more are here at once than those of a batch for each
    actor.

    Use as a context manager: leaving it ends the actors.

    Every machine reads the photos by the paths that they have here, and has segsearch and the
    preset's weights.
    """

    def __init__(
        self,
        cluster: RayCluster,
        config: WorkerConfig,
        jobs: int,
        *,
        together: int = 1,
        patience: float = LEAST_PATIENCE,
        gigabytes: float = 0.0,
        on_gpu: bool = False,
    ) -> None:
        self._jobs = jobs
        self._actors: list[Any] = []
        self._batch = PHOTOS_A_BATCH * together
        self._arguments = (config, together, patience)
        self._needs: dict[str, Any] = {
            # whoever reads or stores needs some of a core, too
            "num_cpus": 0.5 if jobs >= cluster.cpus else 1,
            "num_gpus": 1 if on_gpu and cluster.gpus else 0,
            "memory": int(gigabytes * 1e9) or None,
            "max_restarts": -1,
            "max_task_retries": -1,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """End the actors, whatever they are doing."""
        for actor in self._actors:
            load_ray().kill(actor)
        self._actors.clear()

    @property
    def jobs(self) -> int:
        """Actors that the pool began with."""
        return self._jobs

    @property
    def at_once(self) -> int:
        """Photos that are looked at before more are asked for: some batches an actor."""
        return 4 * self._jobs * self._batch

    @property
    def given_up(self) -> int:
        """0: Ray replaces actors that end."""
        return 0

    def look_at(self, paths: Iterable[str], *, ahead: int | None = None) -> Iterator[Outcome]:
        """The outcome of every path, in the order in which they are ready.

        Args:
            paths: the photos.
            ahead: number of photos that are taken from `paths`; all unless given.

        Raises:
            ClusterAway: the cluster has gone, or lends no actor.
            SegsearchError: the workers cannot start (a preset without its weights), or the models
                fail whatever they look at.
        """
        ray = load_ray()
        from ray.util import ActorPool

        named = list(islice(paths, ahead))
        batches = [named[i : i + self._batch] for i in range(0, len(named), self._batch)]
        made = ray.remote(**self._needs)(Looker)
        try:
            while len(self._actors) < min(self._jobs, len(batches)):
                self._actors.append(made.remote(*self._arguments))
            # Ray's pool gives an actor its next batch once its last one is asked for
            for told in ActorPool(self._actors).map_unordered(_look, batches):
                if isinstance(told, SegsearchError):
                    raise told
                yield from told
        except ray.exceptions.RayError as error:
            reason = " ".join(str(error).split())[:200]
            raise ClusterAway(
                f"the Ray cluster ended early ({type(error).__name__}: {shown(reason)})",
                "what was looked at is kept; look at it (ray status), then index again",
            ) from error


def _look(actor: Any, batch: list[str]) -> Any:
    return actor.look.remote(batch)


class Looker:
    """Actor: looks at batches of photos by a worker process of its own."""

    def __init__(self, config: WorkerConfig, together: int, patience: float) -> None:
        self._pool = WorkerPool(config, 1, together=together, patience=patience).__enter__()
        self._failed: SegsearchError | None = None

    def look(self, paths: list[str]) -> list[Outcome] | SegsearchError:
        """The outcomes of a batch; an error where no photo can be looked at at all."""
        if self._failed is None:
            try:
                return list(self._pool.look_at(paths))
            except SegsearchError as error:
                self._failed = error
        return self._failed
