"""Segments of one photo embedded from one look of each tower, beside CLIP on a crop of each.

Full-size ViT-B/16 and DINOv2-B, randomly initialised, written and read as published weights are;
one thread, float32, both sides the same masks, by turns in one process. Seconds are of CPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from figures import in_child, show
from PIL import Image as PillowImage

from model.embedders.residual_head import HeadShape, ResidualHead, last_levels, spread_levels
from model.embedders.tower_settings import TowerSettings
from model.embedders.towers import TowersEmbedder
from model.embeddings import EmbeddingSpace
from model.encoders.clip_weights import load_clip
from model.masks.segments import Segments
from model.photos.images import Image

ARCHITECTURE, DIMENSION, CROP = "ViT-B-16", 512, 224
PHOTO = (768, 1024)
GOALS = {60: 4.0, 120: 8.0}
BATCH = 12
SPACE = EmbeddingSpace("base", DIMENSION, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, nargs="+", default=list(GOALS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        write_weights(Path(place))
        for segments in asked.segments:
            figure = in_child(__file__, place, segments, asked.rounds)
            show({"name": f"one_pass_{segments}"} | figure, as_json=asked.json)


def write_weights(folder: Path) -> None:
    """Random weights of both towers and of a head, in the formats that are published."""
    import open_clip
    from safetensors.torch import save_file
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    clip = open_clip.CLIP(**open_clip.get_model_config(ARCHITECTURE))
    save_file(
        {name: value.contiguous() for name, value in clip.state_dict().items()},
        folder / "clip.safetensors",
    )
    Dinov2Model(Dinov2Config(image_size=518)).save_pretrained(folder / "dino")
    shape = HeadShape(spread_levels(12, 4), last_levels(12, 3), 768, 768, DIMENSION, 512, towers="")
    ResidualHead(shape).save(folder / "head.safetensors")


def child(folder: str, count: str, rounds: str) -> None:
    photo, segments = made_photo(), made_segments(int(count))
    files = {"clip": Path(folder) / "clip.safetensors", "dino": Path(folder) / "dino"}
    headed = files | {"head": Path(folder) / "head.safetensors"}

    def embedder(files: dict[str, Path], method: Any = "text-region") -> TowersEmbedder:
        settings = TowerSettings(ARCHITECTURE, method=method, precision="float32")
        made = TowersEmbedder.load(SPACE, settings, files, towers="")
        vars(made).update(towers)  # one copy of them in memory
        return made

    towers: dict[str, Any] = {}
    whole = embedder(headed)
    towers |= {"clip": whole.clip, "dino": whole.dino}
    sides = {
        "crops": per_crop(files["clip"]),
        "one_pass": whole.embed_segments,
        "clip_alone": embedder(files).embed_segments,
        "corr_clip": embedder(files, "corr-clip").embed_segments,
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for name, embed in sides.items():
        if name != "crops":
            embed(photo, segments[:2])  # loads what is loaded on use
    for _ in range(int(rounds)):
        for name, embed in sides.items():
            seconds[name].append(cpu_seconds(lambda embed=embed: embed(photo, segments)))  # type: ignore[misc]
    median = {name: statistics.median(each) for name, each in seconds.items()}
    figure = {"ratio": median["crops"] / median["one_pass"], "goal": GOALS.get(int(count))}
    figure |= {f"{name}_s": value for name, value in median.items()}
    figure |= {
        f"{name}_ratio": median["crops"] / median[name] for name in ("clip_alone", "corr_clip")
    }
    print(json.dumps(figure))


def per_crop(weights: Path) -> Callable[[Image, Segments], Any]:
    """CLIP on every segment's box, squashed to its own input, in batches."""
    clip = load_clip(weights, ARCHITECTURE)
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (clip.mean, clip.deviation))

    @torch.inference_mode()
    def embed(photo: Image, segments: Segments) -> torch.Tensor:
        whole = PillowImage.fromarray(photo.pixels)
        rows = []
        for start in range(0, len(segments), BATCH):
            crops = [
                np.asarray(whole.resize((CROP, CROP), PillowImage.Resampling.BICUBIC, box=box))
                for box in segments.boxes[start : start + BATCH].tolist()
            ]
            pixels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2) / 255
            rows.append(clip.network.encode_image((pixels - mean) / deviation))
        return torch.cat(rows)

    return embed


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def made_photo() -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (*PHOTO, 3)).astype(np.uint8)
    return Image(pixels, PHOTO)


def made_segments(count: int) -> Segments:
    """Ellipses from a hundredth of the photo's side to half of it, anywhere."""
    random = np.random.default_rng(1)
    height, width = PHOTO
    y, x = np.ogrid[:height, :width]
    masks = np.zeros((count, *PHOTO), np.bool_)
    for mask in masks:
        down, across = np.exp(random.uniform(np.log(0.01), np.log(0.5), 2)) * (height, width)
        top, left = random.uniform(0, (height, width))
        mask |= ((y - top) / down) ** 2 + ((x - left) / across) ** 2 <= 1
        mask[int(top), int(left)] = True
    return Segments.from_masks(masks)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main()
