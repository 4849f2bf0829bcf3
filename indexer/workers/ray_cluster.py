"""Ray cluster: machines that look at photos together, joined for one run."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from indexer.workers.resources import core_count
from model.errors import ClusterAway, ExtraMissing, shown

LOCAL = "local"
"""Address of a cluster of this machine alone, started for the run and ended with it."""
STORE_BYTES = 500_000_000  # of a local cluster: outcomes of photos on their way, 0.2 MB each
ANSWER = 10.0  # seconds that a cluster's machine has to answer
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # else it reports home
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # else actors of a cluster that starts here yield to all others
}


@dataclass(frozen=True)
class RayCluster:
    """A cluster that this process has joined.

    Attributes:
        address: address that it was asked for by.
        cpus, gpus: cores and GPUs of all of its machines.
        memory: bytes that its machines lend to work.
    """

    address: str
    cpus: int
    gpus: int
    memory: float

    def worker_count(self, asked: int, photos: int, gigabytes: float, *, on_gpu: bool) -> int:
        """Number of workers, at least 1: one a GPU where the models use one and there are any,
        else one a core, as far as memory goes; never more than photos.

        Args:
            asked: workers that the user asks for; 0 for that many.
            photos: number of photos to look at.
            gigabytes: memory of a worker, gigabytes.
            on_gpu: whether the models use a GPU.
        """
        most = self.gpus if on_gpu and self.gpus else self.cpus
        held = int(self.memory / (gigabytes * 1e9))
        return max(1, min(asked or most, photos, held))


@contextmanager
def joined_cluster(address: str) -> Iterator[RayCluster]:
    """The cluster at an address, joined for as long as the context lasts.

    Args:
        address: `LOCAL`, or what `ray.init` takes: "auto", "host:6379", "ray://host:10001".

    Raises:
        ExtraMissing: Ray is not installed.
        ClusterAway: nothing answers at the address.
    """
    ray = load_ray()
    _require_answer(address)
    silent: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == LOCAL:
            ray.init(
                address=LOCAL,
                num_cpus=core_count(),
                object_store_memory=STORE_BYTES,
                include_dashboard=False,
                **silent,
            )
        else:
            ray.init(address=address, **silent)
    except Exception as error:  # a bare one where a machine is too busy to start it in time
        raise _away(address, error) from error
    try:
        has = ray.cluster_resources()
        yield RayCluster(
            address,
            max(1, int(has.get("CPU", 1))),
            int(has.get("GPU", 0)),
            float(has.get("memory", 0)),
        )
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Raise ClusterAway where nothing listens at a host's port: Ray itself would wait for minutes,
    and then end the process."""
    named = re.fullmatch(r"(?:ray://)?\[?([^/\[\]]+)\]?:(\d{1,5})", address)
    if named is None:
        return
    try:
        socket.create_connection((named[1], int(named[2])), timeout=ANSWER).close()
    except (OSError, OverflowError) as error:
        raise _away(address, error) from error


def _away(address: str, error: Exception) -> ClusterAway:
    told = " ".join(str(error).split())[:200]
    return ClusterAway(
        f"the Ray cluster {shown(address)} cannot be joined ({shown(told)})",
        "look whether it runs (ray status) and wants a token (RAY_AUTH_MODE=token), or leave `ray`"
        " out",
    )


def load_ray() -> Any:
    """The module `ray`, told to be quiet, to report nothing, and to give its actors their share.

    Raises:
        ExtraMissing: Ray is not installed.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise ExtraMissing(
            "indexing over a cluster needs Ray", "install it: pip install 'segsearch[ray]'"
        ) from error
    # of actors that died and are replaced Ray tells on standard output, where answers belong
    ray._private.worker.print_to_stdstream = lambda *told, **how: None
    return ray
