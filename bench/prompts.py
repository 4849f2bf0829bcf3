"""Masks drawn by points and boxes, and what all points together find, beside the dense head.

Asked: of val's regions over 0.2 % of the photo (24 a photo at most) the IoU with the mask drawn by
one point, by three (each where the mask was wrong) and by a box, on the photo's own pixels.
Automatic: `SamAutomaticMaskGenerator` on the promptable network, and the preset's dense head, on
the same photos: average recall of a hundred masks, recall at IoU 0.5, seconds of CPU a photo.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from figures import show
from segment_anything import SamAutomaticMaskGenerator

from model.datasets.ground_truth import TruePhoto, read_truth, regions_of
from model.evaluation.masks.average_recall import found_at, recall
from model.evaluation.masks.mask_recall import in_photo_frame
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.segmenter import Segmenter
from model.segmenters.promptable.segmenter import EncodedPhoto, PromptableSegmenter

SOURCES = ("coco", "bsds_train", "car_parts")
REGIONS = 24
CLICKS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("weights", type=Path, help="prompts.safetensors")
    parser.add_argument("--most", type=int, default=12, help="photos a source")
    parser.add_argument("--side", type=int, default=16, help="points a side; 0: no automatic mode")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    prompted = PromptableSegmenter.load(asked.weights)
    photos = read_truth(asked.corpus, "val", SOURCES, asked.most).photos
    for source in SOURCES:
        own = [photo for photo in photos if photo.source == source and regions_of(photo, 0)]
        show({"name": f"asked, {source}"} | pointed(prompted, own), as_json=asked.json)
    if asked.side:
        dense = load_preset("nano").build_segmenter()
        sides = {
            "dense head": dense,
            f"{asked.side}×{asked.side} points": Automatic(prompted, asked.side),
        }
        for source in SOURCES:
            own = [photo for photo in photos if photo.source == source and regions_of(photo, 0)]
            for name, segmenter in sides.items():
                figure = {"name": f"{name}, {source}"} | automatic(segmenter, own)
                show(figure, as_json=asked.json)


class Automatic(Segmenter):
    """The published generator over a promptable network, keeping all that it is unsure of."""

    def __init__(self, prompted: PromptableSegmenter, side: int) -> None:
        self._generator = SamAutomaticMaskGenerator(
            prompted.sam,
            points_per_side=side,
            pred_iou_thresh=0.3,
            stability_score_thresh=0.5,
            output_mode="coco_rle",
        )

    def segment(self, image: Image) -> Segments:
        found = self._generator.generate(image.pixels)
        found.sort(key=lambda one: -one["predicted_iou"])
        counts = [one["segmentation"]["counts"].encode("ascii") for one in found]
        return Segments.from_counts(image.size, counts)


def automatic(segmenter: Segmenter, photos: Sequence[TruePhoto]) -> dict[str, float]:
    places, seconds = [], []
    for photo in photos:
        image = photo.read()
        start = time.process_time()
        segments = segmenter.segment(image)
        seconds.append(time.process_time() - start)
        counts = [region.counts for region in regions_of(photo, 0)]
        places.append(found_at(rle.iou(in_photo_frame(segments, photo.size), counts, photo.size)))
    at = recall(np.concatenate(places, axis=1), 100)
    return {
        "ar_100": float(at.mean()),
        "recall_50": float(at[0]),
        "seconds": float(np.mean(seconds)),
    }


def pointed(prompted: PromptableSegmenter, photos: Sequence[TruePhoto]) -> dict[str, float]:
    fits: dict[str, list[float]] = defaultdict(list)
    chance = np.random.default_rng(0)
    for photo in photos:
        look = prompted.look(photo.read())
        regions = regions_of(photo, 0)[:REGIONS]
        for true in rle.decode([region.counts for region in regions], photo.size):
            for name, fit in one_region(look, true, chance).items():
                fits[name].append(fit)
    return {"regions": len(fits["box"])} | {name: float(np.mean(v)) for name, v in fits.items()}


def one_region(
    look: EncodedPhoto, true: np.ndarray, chance: np.random.Generator
) -> dict[str, float]:
    """IoU by what was asked; points are drawn by chance, boxes are the true ones."""
    rows, columns = np.nonzero(true)
    box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    points, inside = [place(true, chance)], [True]
    drawn = look.masks(np.array(points))
    each = [iou(mask, true) for mask in drawn.masks]
    fits = {
        "point_best_of_3": max(each),
        "point": each[0],
        "box": iou(look.masks(box=box).masks[0], true),
    }
    mask, logits = drawn.masks[0], drawn.logits[0]
    while len(points) < CLICKS:
        wrong = mask != true
        points.append(place(wrong if wrong.any() else true, chance))
        inside.append(bool(true[int(points[-1][1]), int(points[-1][0])]))
        again = look.masks(np.array(points), np.array(inside), previous=logits)
        mask, logits = again.masks[0], again.logits[0]
    return fits | {"points_3": iou(mask, true)}


def place(mask: np.ndarray, chance: np.random.Generator) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    one = chance.integers(len(rows))
    return float(columns[one]), float(rows[one])


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


if __name__ == "__main__":
    main()
