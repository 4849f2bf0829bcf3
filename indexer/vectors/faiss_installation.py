"""Whether FAISS is there, which of its two wheels, and how to mend it. The only import of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from model.errors import ExtraMissing


@dataclass(frozen=True)
class FaissInstallation:
    """FAISS as installed, and its faults (one line each; empty when it works)."""

    description: str
    problems: tuple[str, ...]


def faiss_installation() -> FaissInstallation:
    """Facts for `doctor` about FAISS."""
    try:
        faiss = load_faiss()
    except ExtraMissing as error:
        return FaissInstallation("FAISS cannot be used", (str(error),))
    return FaissInstallation(f"FAISS {faiss.__version__}, {gpus(faiss)} GPUs", ())


@cache
def load_faiss() -> Any:
    """The module.

    Raises:
        ExtraMissing: there is none, or two which overwrite each other, or it does not load.
    """
    wheels = [name for name in ("faiss-cpu", "faiss-gpu") if _is_installed(name)]
    if len(wheels) == 2:
        raise ExtraMissing(
            "faiss-cpu and faiss-gpu are both installed and overwrite each other",
            'run `pip uninstall -y faiss-cpu faiss-gpu`, then `pip install "segsearch[cpu]"`'
            ' or `pip install "segsearch[gpu]"`',
        )
    try:
        import faiss
    except ModuleNotFoundError as error:
        if wheels:
            raise _broken(wheels[0], error) from error
        raise ExtraMissing(
            "no FAISS is installed",
            'run `pip install "segsearch[cpu]"`, or `pip install "segsearch[gpu]"` for'
            " an NVIDIA GPU",
        ) from error
    except (ImportError, RuntimeError, OSError) as error:
        raise _broken(wheels[0] if wheels else "faiss", error) from error
    return faiss


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _broken(wheel: str, error: Exception) -> ExtraMissing:
    reason = " ".join(str(error).split())
    extra = "gpu" if wheel == "faiss-gpu" else "cpu"
    return ExtraMissing(
        f"{wheel} is installed but does not load ({reason})",
        f"run `pip uninstall -y {wheel}`, then"
        f' `pip install --force-reinstall "segsearch[{extra}]"`',
    )


def gpus(faiss: Any) -> int:
    """Number of GPUs for FAISS. GPU resources touched where there is none end the process."""
    if not hasattr(faiss, "StandardGpuResources"):
        return 0
    return int(faiss.get_num_gpus())


def search_alone() -> None:
    """Let FAISS go on in a process that was forked after it was used: in one thread.

    The threads that it had are not in this process, and waiting for them would never end.
    """
    faiss: Any = sys.modules.get("faiss")
    if faiss is not None:
        faiss.omp_set_num_threads(1)
