"""Our mask generator beside segment-anything's: the same model, photo, points and thresholds.

There are no published weights here, so SAM ViT-B has random ones that draw masks (`drawing_sam`);
nano's are trained, and with `--fitted` there is a ViT-B whose decoder is fitted (`fitted_sam`).
Each line is one process of one thread; seconds are CPU seconds unless named otherwise, and a
generator's hold everything from pixels to run lengths, the image encoder too. `matched` is the
share of masks that have one of IoU ≥ 0.95 on the other side, the lower of both ways.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from drawing_sam import Drawing, let_draw
from figures import in_child, resident_bytes, show
from fitted_sam import fitted_vit_b
from numpy.typing import NDArray
from PIL import Image

Photo = NDArray[np.uint8]
Records = list[dict[str, Any]]
GOALS = {
    "generator_vit_b_fp32": 3.5,
    "generator_vit_b_bf16": 8.0,
    "generator_fitted_bf16": 8.0,
    "generator_nano_fp32": 4.0,
    "postprocess": 12.0,
}
NANO = Path(__file__).parents[1] / "model/presets/nano/prompts.safetensors"
SAME = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", nargs="*", help=f"of {list(CHILDREN)}")
    parser.add_argument("--points", type=int, default=32, help="a side, for ViT-B")
    parser.add_argument("--nano", type=Path, default=NANO, help="trained weights")
    parser.add_argument("--fitted", type=Path, help="a fitted ViT-B; made here if it is not there")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    for name in asked.lines or CHILDREN:
        if name == "fitted" and not asked.fitted:
            continue
        if name == "nano" and not asked.nano.is_file():
            print(f"nano left out: there are no weights at {asked.nano}", file=sys.stderr)
            continue
        file = asked.fitted if name == "fitted" else asked.nano
        for line in in_child(__file__, name, asked.points, file)["lines"]:
            goal = {"goal": GOALS[line["name"]]} if line["name"] in GOALS else {}
            show(line | goal, as_json=asked.json)


def vit_b(points: int, _: Path) -> list[dict[str, Any]]:
    """Both generators, ViT-B, a photo of 1000 pixels."""
    photo = sample("china.jpg", 1000)
    return both("vit_b", drawing_vit_b(photo), photo, {"points_per_side": points})


def fitted(points: int, file: Path) -> list[dict[str, Any]]:
    """The same of a ViT-B that is fitted; what it draws is less sure and less steep than SAM's."""
    settings = {
        "points_per_side": points,
        "pred_iou_thresh": 0.22,
        "stability_score_thresh": 0.6,
        "stability_score_offset": 0.1,
        "box_nms_thresh": 0.95,
    }
    return both("fitted", fitted_vit_b(file), sample("china.jpg", 1000), settings)


def both(name: str, sam: Any, photo: Photo, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Our generator in two precisions beside the reference."""
    import torch

    from indexer.workers.allocator import keep_freed_memory

    settings = settings | {"output_mode": "coco_rle"}
    expected, theirs = timed(lambda: reference(sam, photo, settings))
    keep_freed_memory()  # as a worker does, and only after the reference
    lines = []
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        generate = ours(copy.deepcopy(sam), dtype, settings)
        found, seconds = timed(lambda generate=generate: generate(photo))
        lines.append(compared(f"generator_{name}_{precision}", expected, found, theirs, seconds))
    return lines


def nano(_: int, weights: Path) -> list[dict[str, Any]]:
    """Both generators, nano's trained decoder, two photos of 448 pixels, 32×32 points."""
    import torch

    from model.encoders.efficientnet import EfficientNetTrunk
    from model.segmenters.promptable.network import PromptedSam

    sam = PromptedSam.load(weights, EfficientNetTrunk.shared())
    settings = {
        "points_per_side": 32,
        "pred_iou_thresh": 0.35,
        "stability_score_thresh": 0.6,
        "stability_score_offset": 0.1,  # its logits are less steep than SAM's
        "box_nms_thresh": 0.9,
        "output_mode": "coco_rle",
    }
    sides = {
        name: ours(copy.deepcopy(sam), dtype, settings)
        for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))
    }
    lines = []
    for name in ("china.jpg", "flower.jpg"):
        photo = sample(name, 448)
        expected, theirs = timed(lambda photo=photo: reference(sam, photo, settings))
        for precision, generate in sides.items():
            found, seconds = timed(lambda generate=generate, photo=photo: generate(photo))
            line = compared(f"generator_nano_{precision}", expected, found, theirs, seconds)
            lines.append(line | {"photo": name})
    return lines


def postprocess(_: int, __: Path) -> list[dict[str, Any]]:
    """From the same small masks to run lengths, 16×16 points, ViT-B's sizes."""
    import torch
    from segment_anything import SamAutomaticMaskGenerator
    from stored_answers import StoredModel, StoredPredictor, stored

    from model.segmenters.sam.generation.generator import MaskGenerator
    from model.segmenters.sam.networks.folded_sam import FoldedSam

    photo = sample("china.jpg", 1000)
    sam = drawing_vit_b(photo)
    settings = {"points_per_side": 16, "output_mode": "coco_rle"}
    answers = stored(FoldedSam(copy.deepcopy(sam), torch.bfloat16), photo, 16)
    theirs = SamAutomaticMaskGenerator(sam, **settings)
    theirs.predictor = StoredPredictor(sam, answers)
    expected, plain = timed(lambda: theirs.generate(photo))
    mine = MaskGenerator(StoredModel(answers), **settings)
    found, seconds = timed(lambda: mine.generate(photo))
    return [compared("postprocess", expected, found, plain, seconds)]


def memory(points: int, _: Path) -> list[dict[str, Any]]:
    """What masks of a photo of 12 megapixels need, over the model that has seen it."""
    import torch
    from stored_answers import Seen

    from model.segmenters.sam.generation.generator import MaskGenerator
    from model.segmenters.sam.networks.folded_sam import FoldedSam

    photo = sample("china.jpg", 4245)
    model = FoldedSam(drawing_vit_b(sample("china.jpg", 1000)), torch.float32)
    seen = Seen(model, photo)
    settings = {"points_per_side": points, "output_mode": "coco_rle"}
    generator = MaskGenerator(seen, **settings | {"box_nms_thresh": 0.96})
    before = resident_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    masks, seconds = timed(lambda: generator.generate(photo))
    line = {
        "name": "mask_memory_12_megapixels",
        "megapixels": photo.shape[0] * photo.shape[1] / 1e6,
        "masks": len(masks),
        "over_model_mb": (peak_bytes() - before) / 1e6,
        "goal": 200,
        "seconds": seconds["cpu"],
    }
    return [line]


CHILDREN: dict[str, Callable[[int, Path], list[dict[str, Any]]]] = {
    "vit_b": vit_b,
    "fitted": fitted,
    "nano": nano,
    "postprocess": postprocess,
    "memory": memory,
}


def drawing_vit_b(photo: Photo) -> Any:
    """SAM ViT-B of random weights that draw masks in a photo like this."""
    import torch
    from segment_anything import sam_model_registry

    torch.manual_seed(0)
    sam = sam_model_registry["vit_b"]().requires_grad_(False)
    return let_draw(sam, photo, Drawing())


def reference(sam: Any, photo: Photo, settings: dict[str, Any]) -> Records:
    from segment_anything import SamAutomaticMaskGenerator

    records: Records = SamAutomaticMaskGenerator(sam, **settings).generate(photo)
    return records


def ours(sam: Any, dtype: Any, settings: dict[str, Any]) -> Callable[[Photo], Records]:
    from model.segmenters.sam.generation.generator import MaskGenerator
    from model.segmenters.sam.networks.folded_sam import FoldedSam

    return MaskGenerator(FoldedSam(sam, dtype), **settings).generate


def timed(work: Callable[[], Records]) -> tuple[Records, dict[str, float]]:
    cpu, wall = time.process_time(), time.perf_counter()
    made = work()
    return made, {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def compared(
    name: str,
    expected: Records,
    found: Records,
    theirs: dict[str, float],
    mine: dict[str, float],
) -> dict[str, Any]:
    matched, worst = agreement(expected, found)
    return {
        "name": name,
        "ratio": theirs["cpu"] / mine["cpu"],
        "matched": matched,
        "worst_iou": worst,
        "masks": len(expected),
        "our_masks": len(found),
        "reference_cpu_s": theirs["cpu"],
        "our_cpu_s": mine["cpu"],
        "wall_ratio": theirs["wall"] / mine["wall"],
    }


def agreement(one: Records, other: Records) -> tuple[float, float]:
    """Share of masks matched, the lower of both ways, and the worst partner's IoU."""
    from model.masks import rle

    if not one or not other:
        return float(len(one) == len(other)), float(len(one) == len(other))
    counts = ([mask["segmentation"]["counts"].encode() for mask in side] for side in (one, other))
    size = one[0]["segmentation"]["size"]
    overlap = rle.iou(*counts, (size[0], size[1]))
    best = [overlap.max(axis=axis) for axis in (0, 1)]
    return min(float((each >= SAME).mean()) for each in best), float(min(map(np.min, best)))


def sample(name: str, side: int) -> Photo:
    """One of scikit-learn's two photographs, enlarged or reduced to a longer side."""
    from sklearn.datasets import load_sample_image

    photo = Image.fromarray(load_sample_image(name))
    width, height = (round(length * side / max(photo.size)) for length in photo.size)
    return np.asarray(photo.resize((width, height), Image.Resampling.LANCZOS))


def peak_bytes() -> int:
    """The most memory that this process has held since the peak was last reset."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def child(arguments: Sequence[str]) -> None:
    import torch

    torch.set_num_threads(1)
    name, points, weights = arguments
    print(json.dumps({"lines": CHILDREN[name](int(points), Path(weights))}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
    else:
        main()
