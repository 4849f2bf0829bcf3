"""RayPool: a worker pool over the machines of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Generic, Self

from indexer.workers.local_pool import LEAST_PATIENCE, WorkerPool
from indexer.workers.ray_cluster import RayCluster, load_ray
from model.errors import ClusterAway, SegsearchError, shown
from model.task import Answer, Item, Task

IN_HAND = 2
"""Batches that an actor has in hand: one at work, one that it goes on with. They are what is done
again where it is killed."""


class RayPool(Generic[Item, Answer]):
    """`jobs` actors, started when the first item comes, each with a worker process of its own.

    Ray tries a call whose actor died again, for ever, and a photo that kills its decoder would
    kill the actor: so the worker process does the work, and an item that ends it is blamed by
    the actor's own pool, as in `WorkerPool`. An actor that is killed itself is replaced, and what
    it had in hand is done again. Items are taken and answers fetched as actors become free, so
    there are never more here than actors have in hand.

    Use as a context manager: leaving it ends the actors.

    Every machine reads photos by the paths that they have here, and has segsearch and the
    preset's weights.
    """

    def __init__(
        self,
        cluster: RayCluster,
        task: Task[Item, Answer],
        jobs: int,
        *,
        together: int = 1,
        patience: float = LEAST_PATIENCE,
        on_gpu: bool = False,
    ) -> None:
        self._jobs = jobs
        self._actors: list[Any] = []
        self._together = together
        self._arguments = (task, together, patience)
        self._needs: dict[str, Any] = {
            # whoever reads or stores needs some of a core, too
            "num_cpus": 0.5 if jobs >= cluster.cpus else 1,
            "num_gpus": 1 if on_gpu and cluster.gpus else 0,
            "memory": int(task.needs.gigabytes * 1e9) or None,
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
        """Actors that the pool has at most."""
        return self._jobs

    @property
    def at_once(self) -> int:
        """Items that are in the actors' hands."""
        return IN_HAND * self._jobs * self._together

    @property
    def given_up(self) -> int:
        """0: Ray replaces actors that end."""
        return 0

    def do(self, items: Iterable[Item], *, ahead: int | None = None) -> Iterator[Answer]:
        """The answer of every item, in the order in which they are ready.

        Args:
            items: the items.
            ahead: number of items that are taken before the first answer is given, then one for
                each that was; never more than the actors can have in hand.

        Raises:
            ClusterAway: the cluster has gone, or lends no actor.
            SegsearchError: the workers cannot start (a preset without its weights), or the task
                fails whatever the item.
        """
        ray = load_ray()
        waiting, room = iter(items), self.at_once if ahead is None else max(ahead, 1)
        in_hand: dict[Any, tuple[int, int]] = {}  # an actor's place, and its items, by the call
        try:
            while True:
                while room and len(in_hand) < IN_HAND * self._jobs:
                    batch = list(islice(waiting, min(self._together, room)))
                    if not batch:
                        break
                    place = self._freest([place for place, _ in in_hand.values()])
                    in_hand[self._actors[place].do.remote(batch)] = place, len(batch)
                    room -= len(batch)
                if not in_hand:
                    return
                (call, *_), _ = ray.wait(list(in_hand), num_returns=1)
                answers = ray.get(call)
                room += in_hand.pop(call)[1]
                del call  # Ray keeps what it promised as long as anybody holds on to that
                if isinstance(answers, SegsearchError):
                    raise answers
                yield from answers
        except ray.exceptions.RayError as error:
            reason = " ".join(str(error).split())[:200]
            raise ClusterAway(
                f"the Ray cluster ended early ({type(error).__name__}: {shown(reason)})",
                "what was done is kept; look at it (ray status), then type the same again",
            ) from error

    def _freest(self, at_work: list[int]) -> int:
        """Place of the actor with the least in hand: a new one, where each has something.

        Args:
            at_work: the place of each call's actor.
        """
        least = min(range(len(self._actors)), key=at_work.count, default=0)
        if len(self._actors) < self._jobs and (not self._actors or least in at_work):
            made = load_ray().remote(**self._needs)(Doer)
            self._actors.append(made.remote(*self._arguments))
            least = len(self._actors) - 1
        return least


class Doer:
    """Actor: does items of a task by a worker process of its own."""

    def __init__(self, task: Task[Any, Any], together: int, patience: float) -> None:
        self._pool = WorkerPool(task, 1, together=together, patience=patience).__enter__()
        self._failed: SegsearchError | None = None

    def do(self, items: list[Any]) -> list[Any] | SegsearchError:
        """The answers of some items; an error where the task cannot be done at all."""
        if self._failed is None:
            try:
                return list(self._pool.do(items))
            except SegsearchError as error:
                self._failed = error
        return self._failed
