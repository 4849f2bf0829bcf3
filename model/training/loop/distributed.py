"""State that processes share when they train together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed

from model.errors import ExtraMissing

if TYPE_CHECKING:
    from accelerate import Accelerator


def accelerator() -> Accelerator:
    """Accelerator that knows this process's device and the other processes.

    Raises:
        ExtraMissing: accelerate is not installed.
    """
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError as error:
        raise ExtraMissing(
            "accelerate is not installed", "install the extra: pip install 'segsearch[train]'"
        ) from error
    # a step may leave parts of a network aside
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    # told that there is no GPU, it finds the other processes
    alone = not torch.accelerator.is_available()
    return Accelerator(cpu=alone, mixed_precision="no", kwargs_handlers=[unused])


def gathered(rows: Tensor) -> Tensor:
    """The rows (B×…) of all processes, one process's after the other's; gradients flow back.

    Every process must call it at the same places with as many rows. With one process: the rows.
    A loss over gathered rows is the same in every process, and its gradient, averaged over the
    processes as the trainer does, is that of one process with all the rows.
    """
    if not distributed.is_available() or not distributed.is_initialized():
        return rows
    if not rows.requires_grad:
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)
    gathered_rows: Tensor = _Gather.apply(rows.contiguous())
    return gathered_rows


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        # each process holds the gradient of its own copy of the loss: their sum is this one's
        whole = gradients[0].contiguous()
        distributed.all_reduce(whole)
        own: Tensor = whole.chunk(distributed.get_world_size())[distributed.get_rank()]
        return own
