"""What bfloat16 changes in the masks that a decoder draws: trained weights, and random ones.

Every mask of a grid of points that is not empty, before any is chosen: the decoder in bfloat16
beside the same one in float32, on the same image features (float32 both times). nano's decoder is
trained; SAM ViT-B's has random weights that draw masks (`drawing_sam`), at two contrasts of its
logits, or is fitted (`fitted_sam`).

error: of a mask's logits, as a share of their deviation over the photo, median over masks.
iou: of the two masks, median; same: share of masks of IoU ≥ 0.95.
quality: deviation of the error of the estimated IoU, and that of the estimate itself.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from drawing_sam import Drawing, let_draw
from figures import show
from fitted_sam import fitted_vit_b
from masks import NANO, SAME, Photo, sample
from segment_anything import sam_model_registry
from torch import Tensor

from model.encoders.efficientnet import EfficientNetTrunk
from model.segmenters.promptable.network import PromptedSam
from model.segmenters.sam.generation.grid import point_grid
from model.segmenters.sam.networks.decoder_parts import decoder_parts
from model.segmenters.sam.networks.folded_decoder import FoldedDecoder
from model.segmenters.sam.networks.folded_sam import FoldedSam
from model.segmenters.sam.promptable import Answers

BATCH = 8
STEEP, FLAT = 80.0, 12.0  # of logits; SAM's own lie mostly between 5 and 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=12, help="a side")
    parser.add_argument("--fitted", type=Path, help="a fitted ViT-B; made here if it is not there")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    trained = PromptedSam.load(NANO, EfficientNetTrunk.shared())
    for name in ("china.jpg", "flower.jpg"):
        figure = rounded(trained, sample(name, 448), asked.points)
        show({"name": f"nano, trained, {name}"} | figure, as_json=asked.json)
    photo = sample("china.jpg", 1000)
    if asked.fitted:
        figure = rounded(fitted_vit_b(asked.fitted), photo, asked.points)
        show({"name": "vit_b, fitted"} | figure, as_json=asked.json)
    for contrast in (STEEP, FLAT):
        torch.manual_seed(0)
        sam = sam_model_registry["vit_b"]().requires_grad_(False)
        random = let_draw(sam, photo, Drawing(contrast=contrast))
        figure = rounded(random, photo, asked.points)
        show({"name": f"vit_b, random, contrast {contrast:g}"} | figure, as_json=asked.json)


@torch.inference_mode()
def rounded(sam: Any, photo: Photo, side: int) -> dict[str, Any]:
    """The figures of one photo and side×side points."""
    exact, rough = FoldedSam(copy.deepcopy(sam)), FoldedSam(copy.deepcopy(sam))
    rough.decoder = FoldedDecoder(decoder_parts(sam.mask_decoder), torch.bfloat16)
    encode, seen = exact._encode, []
    exact._encode = lambda pixels: seen.append(encode(pixels)) or seen[0]
    rough._encode = lambda _: seen[0]
    views = [each.look([photo])[0] for each in (exact, rough)]
    points = point_grid(side) * np.array(photo.shape[1::-1])
    parts: dict[str, list[Tensor]] = {}
    for start in range(0, len(points), BATCH):
        answers = [view.answer(points[start : start + BATCH]) for view in views]
        figures = compared(*answers)
        drawn = figures.pop("drawn")
        for name, values in figures.items():
            parts.setdefault(name, []).append(values[drawn])
    whole = {name: torch.cat(values) for name, values in parts.items()}
    return {
        "masks": len(whole["iou"]),
        "error": float(whole["error"].median()),
        "iou": float(whole["iou"].median()),
        "same": float((whole["iou"] >= SAME).float().mean()),
        "quality_error": float(whole["quality_error"].std()),
        "quality": float(whole["quality"].std()),
        "size_of_logits": float(whole["size"].median()),
    }


def compared(exact: Answers, rough: Answers) -> dict[str, Tensor]:
    """Figures of each mask of some points."""
    rows = torch.arange(len(exact.quality))
    one, other = (answers.masks(rows).flatten(0, 1).flatten(1) for answers in (exact, rough))
    inside, also = one > 0, other > 0
    return {
        "drawn": inside.any(dim=1),  # an empty one has no IoU
        "error": (other - one).norm(dim=1) / (one - one.mean(dim=1, keepdim=True)).norm(dim=1),
        "iou": (inside & also).sum(dim=1) / (inside | also).sum(dim=1).clamp(min=1),
        "quality": exact.quality.flatten(),
        "quality_error": (rough.quality - exact.quality).flatten(),
        "size": one.abs().median(dim=1).values,
    }


if __name__ == "__main__":
    main()
