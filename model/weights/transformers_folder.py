"""Folders in the format of transformers: `config.json` and safetensors, all of a network or none.

What a configuration says of a network's sizes may be anything, so it is compared with the tensors
before the library builds what it says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import safe_open

from model.errors import WeightsMismatch, WeightsMissing, shown
from model.weights.tensor_file import LARGEST_TOWER, require_finite, require_size, without_warnings

CONFIG = "config.json"
LONGEST_CONFIG = 1 << 20  # bytes


def require_folder(folder: Path) -> None:
    """Raise WeightsMissing unless there is a folder of a downloaded model."""
    if not folder.is_dir():
        raise WeightsMissing(
            f"there is no folder {shown(folder)}", "name the folder of the downloaded model"
        )


def load_folder(kind: Any, folder: Path, holds: str, remedy: str, dtype: Any = None) -> Any:
    """The network of transformers in a folder; nothing is downloaded.

    Args:
        kind: class of the library, with `from_pretrained`.
        folder: folder that holds the configuration and the tensors.
        holds: name of the expected content, for the error.
        remedy: advice of the error to the user, as an imperative.
        dtype: torch's type of the tensors; None: float32.

    Raises:
        WeightsMismatch: the folder does not hold that, or not all of its tensors.
    """
    import torch

    try:
        with _quietly():
            require_layers(folder)
            network, loaded = kind.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=dtype or torch.float32,
                output_loading_info=True,
            )
        require_finite(network.state_dict())
    except Exception as error:  # transformers raises what it likes
        raise WeightsMismatch(f"{shown(folder)} does not hold {holds}", remedy) from error
    lacking = sorted({*loaded["missing_keys"], *map(str, loaded["mismatched_keys"])})
    if lacking:
        raise WeightsMismatch(
            f"{shown(folder)} lacks {len(lacking)} tensors, {shown(lacking[0])} among them",
            "the weights are of another model: fetch the folder again",
        )
    return network.eval().requires_grad_(False)


def save_folder(network: Any, folder: Path) -> None:
    """Write a network of transformers to a folder, as `load_folder` reads it.

    Raises:
        OSError: the folder cannot be written.
    """
    with _quietly():
        network.save_pretrained(folder)


def read_config(folder: Path) -> Any:
    """The configuration in a folder.

    Raises:
        OSError, ValueError: there is none, or it is none.
    """
    path = folder / CONFIG
    if path.stat().st_size > LONGEST_CONFIG:
        raise ValueError(f"{CONFIG} has more than {LONGEST_CONFIG:,} bytes")
    return json.loads(path.read_text(encoding="utf-8"))


def require_layers(folder: Path) -> None:
    """Raise ValueError where a configuration tells of more layers than there are tensors: they
    take no memory without values, but time without end."""
    tensors = 0
    for path in folder.glob("*.safetensors"):
        require_size(path, LARGEST_TOWER)
        with safe_open(path, framework="pt") as file:
            tensors += len(file.keys())
    for name, count in _layers(read_config(folder)):
        if count > tensors:
            raise ValueError(f"{name} is {count}, and there are {tensors} tensors")


def _layers(config: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """Names and values of all numbers of layers, blocks or stages."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield from _layers(value, str(key))
    elif isinstance(config, list):
        for value in config:
            yield from _layers(value, name)
    elif isinstance(config, int) and any(x in name for x in ("layers", "depth", "blocks")):
        yield name, config


@contextmanager
def _quietly() -> Iterator[None]:
    """Within it, transformers draws no bars, logs no tables and warns nobody: our errors tell."""
    from transformers.utils import logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with without_warnings():
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
