"""The worker pool of a run: processes of this machine, or actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from indexer.workers.gpus import PHOTOS_AT_ONCE, gpu_memories
from indexer.workers.local_pool import LEAST_PATIENCE, WorkerPool
from indexer.workers.pipeline import Known, Outcome
from indexer.workers.resources import worker_count
from indexer.workers.worker import WorkerConfig
from model.presets.preset import Preset


class Pool(Protocol):
    """Workers that look at photos."""

    @property
    def jobs(self) -> int:
        """Workers that the pool began with."""

    @property
    def at_once(self) -> int:
        """Photos that are looked at side by side."""

    @property
    def given_up(self) -> int:
        """Workers that were given up because memory was short or they could not be started."""

    def look_at(self, paths: Iterable[str], *, ahead: int | None = None) -> Iterator[Outcome]:
        """The outcome of every path, in the order in which they are ready.

        Args:
            paths: the photos.
            ahead: number of photos that may be taken from `paths` at once; all unless given. A
                pool may leave it at the first so many.

        Raises:
            SegsearchError: the workers cannot start, or the models fail whatever they look at.
        """


@contextmanager
def worker_pool(
    config: WorkerConfig, preset: Preset, photos: int, *, asked: int, ray: str, known: Known
) -> Iterator[Pool]:
    """Workers that end with the context; they are started when the first photo comes.

    Args:
        config: settings of each worker.
        preset: preset whose models they load.
        photos: number of photos to look at.
        asked: workers that the user asks for; 0: as many as there are cores, or GPUs, and memory.
        ray: address of a Ray cluster; "": this machine's processes.
        known: tells which of some digests of pixels a photo of the index has. A cluster does not
            ask: there a copy in another file is looked at, and recognised when it is stored.

    Raises:
        ExtraMissing: Ray is not installed.
        ClusterAway: the cluster cannot be joined.
    """
    patience = max(LEAST_PATIENCE, 20 * preset.seconds_per_photo)
    if ray:
        from indexer.workers.ray_cluster import joined_cluster
        from indexer.workers.ray_pool import RayPool

        with joined_cluster(ray) as cluster:
            gpu = preset.uses_gpu and cluster.gpus > 0
            with RayPool(
                cluster,
                config,
                cluster.worker_count(asked, photos, preset.worker_gb, on_gpu=gpu),
                together=preset.photos_at_once or (PHOTOS_AT_ONCE if gpu else 1),
                patience=patience,
                gigabytes=preset.worker_gb,
                on_gpu=gpu,
            ) as over:
                yield over
        return
    gpus = gpu_memories() if preset.uses_gpu else ()
    jobs, threads = worker_count(asked, photos, preset.worker_gb, gpus)
    together = preset.photos_at_once or (PHOTOS_AT_ONCE if gpus else 1)
    with WorkerPool(
        config, jobs, threads, together=together, patience=patience, known=known
    ) as pool:
        yield pool
