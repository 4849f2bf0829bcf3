"""Results on their way from the device to the host, while the device goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Departing:
    """Tensors that are being copied to the host.

    On a GPU the copies run on a stream of their own into pinned memory: they wait for what is
    queued so far and for nothing queued later, and only `arrived` waits for them. On a CPU there
    is nothing to copy.

    Args:
        tensors: all on one device.
    """

    def __init__(self, *tensors: Tensor) -> None:
        self._here = tensors
        self._copied: torch.cuda.Event | None = None
        if tensors[0].is_cuda:
            stream = _side_stream(tensors[0].device)
            stream.wait_stream(torch.cuda.current_stream(tensors[0].device))
            with torch.cuda.stream(stream):
                self._here = tuple(_pinned_copy(tensor, stream) for tensor in tensors)
                self._copied = stream.record_event()

    def arrived(self) -> list[NDArray[Any]]:
        """The tensors as arrays of the host, once they are there."""
        if self._copied is not None:
            self._copied.synchronize()
        return [np.asarray(tensor) for tensor in self._here]


def _pinned_copy(tensor: Tensor, stream: torch.cuda.Stream) -> Tensor:
    tensor.record_stream(stream)  # its memory is not given away before the copy is made
    pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return pinned.copy_(tensor, non_blocking=True)


_streams: dict[torch.device, torch.cuda.Stream] = {}


def _side_stream(device: torch.device) -> torch.cuda.Stream:
    if device not in _streams:
        _streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return _streams[device]
