"""Random weights: a preset's networks in their published formats, without what they have learnt.

python -m model.presets.random_weights base FOLDER
then: segsearch index PHOTO --preset FOLDER/base.toml

The answers are worthless, but time, memory and sizes are those of the real ones: so a machine can
be tried before gigabytes are fetched, and loading is tested where no publisher can be reached. The
folder is laid out as the cache of weights is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from model.presets.preset import load_preset
from model.presets.random_networks import TINY_WIDTH, network_of, tiny_clip
from model.weights.cache import cache_folder, sha256_of
from model.weights.sources import Published

# networks that know nothing find no mask good
UNDEMANDING = {"pred_iou_thresh": -1000.0, "stability_score_thresh": -1.0}
TINY_TILES = 600  # pixels: more than one tile of both towers
TINY = {"side": 128, "points_per_side": 4, **UNDEMANDING}


def write_random_weights(name: str, folder: Path, tiny: bool = False, seed: int = 0) -> Path:
    """Write random weights in place of those that a preset fetches, and a preset that takes them.

    Args:
        name: name of the preset.
        folder: folder to write to.
        tiny: the same kinds of networks, but as small as they can be.
        seed: seed of the values.

    Returns:
        The file of the preset that takes them.

    Raises:
        PresetUnknown: there is no such preset, or one of its networks is not known.
    """
    import torch

    preset = load_preset(name)
    torch.manual_seed(seed)
    top: dict[str, Any] = {"extends": name, "name": f"{preset.name}-random"}
    sections: dict[str, dict[str, Any]] = {"segmenter": TINY if tiny else UNDEMANDING}
    for role, weights in preset.weights.items():
        if isinstance(weights.source, Published):
            inside = weights.source.cached.relative_to(cache_folder())
            (folder / inside).mkdir(parents=True, exist_ok=True)
            file = folder / inside / weights.files[-1].name
            _save(network_of(preset, role, tiny), file)
            sections[f"weights.{role}"] = {"source": str(inside), "licence": "CC0-1.0"} | (
                {} if weights.whole else {"file": file.name, "sha256": sha256_of(file)}
            )
    if tiny:
        config = folder / "clip.json"
        config.write_text(json.dumps(tiny_clip(preset)), encoding="utf-8")
        top["dimension"] = TINY_WIDTH
        sections["embedder"] = {
            "architecture": str(config.absolute()), "tag": "", "side": 64, "dino_side": 56,
            "tiles": TINY_TILES if preset.embedder.get("tiles") else 0,
        }  # fmt: skip
    path = folder / f"{preset.name}.toml"
    path.write_text(_toml(top, sections), encoding="utf-8")
    return path


def _save(network: nn.Module, path: Path) -> None:
    """Save in the format that the path's name says: a pickle of tensors, transformers' folder, or
    safetensors."""
    import torch
    from transformers import PreTrainedModel

    if path.suffix == ".pth":
        torch.save(network.state_dict(), path)
    elif isinstance(network, PreTrainedModel):
        network.save_pretrained(path.parent)
    else:
        from safetensors.torch import save_file

        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path)


def _toml(top: Mapping[str, Any], sections: Mapping[str, Mapping[str, Any]]) -> str:
    def lines(table: Mapping[str, Any]) -> str:
        # JSON's strings and numbers are TOML's, too
        return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())

    parts = [f"\n[{name}]\n{lines(table)}" for name, table in sections.items()]
    return lines(top) + "".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Parse and write."""
    parser = argparse.ArgumentParser(
        prog="python -m model.presets.random_weights", description=__doc__
    )
    parser.add_argument("preset", help="base, large, sam2 or huge")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true", help="networks as small as they can be")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    path = write_random_weights(asked.preset, asked.folder, asked.tiny, asked.seed)
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
