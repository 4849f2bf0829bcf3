"""A trained network's file: its tensors, and what was told of its shape."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from model.errors import WeightsMismatch, shown

LARGEST = 256 << 20  # bytes of a part that is trained here; bundled ones have 23 MB at most
LARGEST_TOWER = 12 << 30  # bytes of a published network; CLIP's ViT-H in float32 has 4
FAULTS = (
    OSError, EOFError, SafetensorError, pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError,
    LookupError, ValueError, TypeError, AttributeError, ArithmeticError, AssertionError,
    MemoryError, NotImplementedError,
)  # fmt: skip
"""Exceptions that libraries raise over a file that is not what they expect."""

Network = TypeVar("Network", bound=nn.Module)


@contextmanager
def network_file(
    path: Path, holds: str, remedy: str
) -> Iterator[tuple[dict[str, str], dict[str, Tensor]]]:
    """Metadata and tensors of a safetensors file, for the block to build the network from.

    Args:
        path: the file.
        holds: name of the expected content, for the error.
        remedy: advice of the error to the user, as an imperative.

    Raises:
        WeightsMismatch: the file cannot be read, or the block finds that it holds something else.
    """
    try:
        require_size(path, LARGEST)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        require_finite(tensors)
        with without_warnings():
            yield metadata, tensors
    except FAULTS as error:
        raise WeightsMismatch(f"{shown(path)} does not hold {holds}", remedy) from error


def read_pickle(path: Path, *, mapped: bool = False) -> Any:
    """Content of a pickle of torch's, read as weights only: nothing in it is run.

    Args:
        path: the file, of `LARGEST_TOWER` bytes at the most.
        mapped: whether tensors are mapped into memory where the format allows it, for who copies
            them at once: a file that is cut short later would end the process.
    """
    require_size(path, LARGEST_TOWER)
    with without_warnings():
        if mapped:
            with suppress(RuntimeError):  # as torch wrote before 1.6: a stream
                return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return torch.load(path, map_location="cpu", weights_only=True)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Within it, libraries warn nobody: what is wrong with a file is told by our errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def require_size(path: Path, largest: int) -> None:
    """Raise ValueError where a file of weights would take more memory than it may.

    Args:
        path: safetensors, or a pickle of torch's, which is a zip archive; nothing of it is read
            but the archive's list.
        largest: bytes.
    """
    size = path.stat().st_size
    if size > largest:
        raise ValueError(f"it has {size:,} bytes, expected {largest:,} at the most")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            held = sum(each.file_size for each in archive.infolist())
        if held > size:
            raise ValueError(f"it is compressed, and would take {held:,} bytes")


def require_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError where a tensor holds what is no number, or too large for one."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"{name} is not finite")


def fitting(build: Callable[[], Network], tensors: Mapping[str, Tensor]) -> Network:
    """The network that `build` makes, once it is known to have these tensors' shapes.

    What a file tells of a network's sizes may be anything: so it is first made without memory.

    Raises:
        KeyError, ValueError: a tensor is missing, or has another shape.
    """
    with torch.device("meta"):
        sketch = build().state_dict()
    for name, expected in sketch.items():
        if name in tensors and tensors[name].shape != expected.shape:
            raise ValueError(
                f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(expected.shape)}"
            )
        if name not in tensors and expected.numel() > 1 << 20:
            raise KeyError(name)
    return build()
