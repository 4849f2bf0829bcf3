"""Devices that models can run on."""

from __future__ import annotations


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
