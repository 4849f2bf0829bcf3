"""The worker pool of a run: processes of this machine, or actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from indexer.workers.gpus import PHOTOS_AT_ONCE, gpu_memories
from indexer.workers.local_pool import LEAST_PATIENCE, WorkerPool
from indexer.workers.resources import worker_count
from model.task import Answer, Ask, By, Item, Needs, Task, nobody_knows

if TYPE_CHECKING:
    from indexer.workers.ray_cluster import RayCluster
    from indexer.workers.ray_pool import RayPool

MANY = 1 << 30
"""Items of a task whose number nobody knows."""
Item_contra = TypeVar("Item_contra", contravariant=True)
Answer_co = TypeVar("Answer_co", covariant=True)


class Pool(Protocol[Item_contra, Answer_co]):
    """Workers that do a task."""

    @property
    def jobs(self) -> int:
        """Workers that the pool began with."""

    @property
    def at_once(self) -> int:
        """Items that are done side by side."""

    @property
    def given_up(self) -> int:
        """Workers that were given up because memory was short or they could not be started."""

    def do(self, items: Iterable[Item_contra], *, ahead: int | None = None) -> Iterator[Answer_co]:
        """The answer of every item, in the order in which they are ready.

        Args:
            items: the items.
            ahead: number of items that may be taken at once; all unless given. A pool may leave it
                at the first so many.

        Raises:
            SegsearchError: the workers cannot start, or the task fails whatever the item.
        """


@contextmanager
def worker_pool(
    task: Task[Item, Answer],
    items: int,
    *,
    asked: int = 0,
    ray: str = "",
    answer: Ask = nobody_knows,
) -> Iterator[Pool[Item, Answer]]:
    """Workers that end with the context; they are started when the first item comes.

    Args:
        task: task that they do.
        items: number of items at most.
        asked: workers that the user asks for; 0: as many as there are cores, or GPUs, and memory.
        ray: address of a Ray cluster; "": this machine's processes.
        answer: answers what the task asks meanwhile. A cluster's workers are told nothing.

    Raises:
        ExtraMissing: Ray is not installed.
        ClusterAway: the cluster cannot be joined.
    """
    with ExitStack() as stack:
        if ray:
            from indexer.workers.ray_cluster import joined_cluster

            cluster = stack.enter_context(joined_cluster(ray))
            yield stack.enter_context(_ray_pool(cluster, task, items, asked))
            return
        needs = task.needs
        gpus = gpu_memories() if needs.gpu else ()
        jobs, threads = worker_count(asked, items, needs.gigabytes, gpus)
        yield stack.enter_context(
            WorkerPool(
                task,
                jobs,
                threads,
                together=_together(needs, on_gpu=bool(gpus)),
                patience=_patience(needs),
                answer=answer,
            )
        )


@contextmanager
def over_ray(address: str) -> Iterator[By]:
    """Whoever does tasks over a Ray cluster, which is joined for as long as the context lasts.

    Args:
        address: address of the cluster.

    Raises:
        ExtraMissing: Ray is not installed.
        ClusterAway: the cluster cannot be joined.
    """
    from indexer.workers.ray_cluster import joined_cluster

    with joined_cluster(address) as cluster:

        def do(task: Task[Item, Answer], items: Iterable[Item]) -> Iterator[Answer]:
            with _ray_pool(cluster, task, MANY, 0) as pool:
                yield from pool.do(items)

        yield do


def _ray_pool(
    cluster: RayCluster, task: Task[Item, Answer], items: int, asked: int
) -> RayPool[Item, Answer]:
    from indexer.workers.ray_pool import RayPool

    needs = task.needs
    on_gpu = needs.gpu and cluster.gpus > 0
    return RayPool(
        cluster,
        task,
        cluster.worker_count(asked, items, needs.gigabytes, on_gpu=on_gpu),
        together=_together(needs, on_gpu=on_gpu),
        patience=_patience(needs),
        on_gpu=on_gpu,
    )


def _together(needs: Needs, *, on_gpu: bool) -> int:
    return needs.together or (PHOTOS_AT_ONCE if on_gpu else 1)


def _patience(needs: Needs) -> float:
    return max(LEAST_PATIENCE, 20 * needs.seconds)
