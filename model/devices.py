"""Devices that models can run on."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING

from model.errors import DeviceMissing

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
CONVOLUTION_PRECISIONS = ("float32", "auto", "bfloat16")
_WORKER: ContextVar[int] = ContextVar("worker", default=0)


def devices() -> list[str]:
    """Names of the devices torch can use here, the CPU first."""
    import torch

    names = [f"cpu ({torch.get_num_threads()} threads)"]
    names += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def limit_threads(count: int) -> None:
    """Let torch use that many threads in this process; 0 leaves it as it is."""
    import torch

    if count:
        torch.set_num_threads(count)


def compute_alone() -> None:
    """Let torch go on in a process that was forked after it was used: in one thread.

    The threads that it had are not in this process, and waiting for them would never end.

    Raises:
        DeviceMissing: torch was used on a GPU, which a forked process cannot use.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_initialized():
        raise DeviceMissing(
            "a forked process cannot use the GPU that its parent has used",
            "start the process by spawn, or open the engine in it",
        )
    torch.set_num_threads(1)


def be_worker(number: int) -> None:
    """Say which of several processes this one is: they share the GPUs, one each in turn."""
    _WORKER.set(number)


def best_device() -> torch.device:
    """This worker's GPU, or the CPU where there is none."""
    import torch

    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", _WORKER.get() % torch.cuda.device_count())


def named_device(name: str) -> torch.device:
    """The device of that name, as "cuda:1"; "auto" is this worker's GPU, or else the CPU.

    Raises:
        DeviceMissing: the device is not on this machine.
    """
    import torch

    if name == "auto":
        return best_device()
    device = torch.device(name)
    here = {
        "cuda": (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(device.type, True):
        raise DeviceMissing(f"the device '{name}' is not on this machine", "take auto or cpu")
    return device


def chosen_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type that a network computes in on a device.

    `auto` is the fastest that keeps float32's range: bfloat16 on GPUs and on CPUs with
    instructions for it, elsewhere float16 (GPU) or float32 (CPU).

    Raises:
        ValueError: `precision` is none of `PRECISIONS`.
    """
    import torch

    if precision not in PRECISIONS:
        raise ValueError(f"precision is '{precision}', expected one of {', '.join(PRECISIONS)}")
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[
            precision
        ]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if torch.backends.cpu.get_cpu_capability() != "AVX512":  # less may be asked of a processor
        return torch.float32
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # newer torch only
    return torch.bfloat16 if able.get("amx_bf16") or able.get("avx512_bf16") else torch.float32


def convolution_dtype(precision: str) -> torch.dtype:
    """The type that convolutions compute in on the CPU.

    `auto` is bfloat16 only where there are AMX's tiles: without them, AVX-512's bfloat16 takes
    longer than float32 (1.2 to 1.7 times as long on one processor).

    Raises:
        ValueError: `precision` is none of `CONVOLUTION_PRECISIONS`.
    """
    import torch

    if precision not in CONVOLUTION_PRECISIONS:
        known = ", ".join(CONVOLUTION_PRECISIONS)
        raise ValueError(f"precision is '{precision}', expected one of {known}")
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # newer torch only
    if precision == "auto" and not able.get("amx_bf16"):
        return torch.float32
    return chosen_dtype(precision, torch.device("cpu"))
