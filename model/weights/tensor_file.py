"""A trained network's file: its tensors, and what was told of its shape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from model.errors import WeightsMismatch, shown


@contextmanager
def network_file(
    path: Path, holds: str, remedy: str
) -> Iterator[tuple[dict[str, str], dict[str, Tensor]]]:
    """Metadata and tensors of a safetensors file, for the block to build the network from.

    Args:
        path: the file.
        holds: what it should hold, as an error shall name it.
        remedy: what to do where it does not.

    Raises:
        WeightsMismatch: the file cannot be read, or the block finds that it holds something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        yield metadata, tensors
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsMismatch(f"{shown(path)} does not hold {holds}", remedy) from error
