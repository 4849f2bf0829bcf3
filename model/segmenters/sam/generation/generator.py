"""Masks of everything in a photo from a grid of points: SAM's automatic mode, exact and lean.

Takes the settings of segment-anything's `SamAutomaticMaskGenerator` and gives the same masks.
Points are asked in batches; what the model estimates of its own masks decides which are drawn;
those drawn are judged at the decoder's size (`candidates`), and only what may be kept is enlarged
to the photo's (`selection`), one mask at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.masks import rle
from model.masks.runs import area_of, runs_of
from model.segmenters.sam.generation.box_nms import distinct_boxes
from model.segmenters.sam.generation.candidate_pool import Pool
from model.segmenters.sam.generation.candidates import Box
from model.segmenters.sam.generation.grid import Crop, Points, check_grids, crops, point_grids
from model.segmenters.sam.generation.point_batches import Wanted, asked
from model.segmenters.sam.generation.small_regions import cleaned, inclusive_boxes
from model.segmenters.sam.generation.upsampling import Enlarged, Thresholds
from model.segmenters.sam.networks.denormals import denormals_flushed
from model.segmenters.sam.promptable import Promptable, View

OUTPUT_MODES = ("binary_mask", "uncompressed_rle", "coco_rle")
_EDGE = 20.0  # pixels; a mask that ends so near to a crop's border was cut by it


@dataclass(frozen=True)
class GeneratedMask:
    """A mask of a photo.

    Attributes:
        counts: COCO compressed run lengths at the photo's size.
        box: XYXY of its first and last pixels, inclusive.
        area: pixels.
        quality: the model's estimate of its IoU.
        stability: IoU of the mask cut at a higher and at a lower threshold.
        point: (x, y) of the point that gave it, pixels of the photo.
        crop: XYXY of the crop that the point was asked in, x1 and y1 exclusive.
    """

    counts: bytes
    box: Box
    area: int
    quality: float
    stability: float
    point: tuple[float, float]
    crop: Box


@dataclass(frozen=True, eq=False)
class MaskGenerator:
    """Generates masks for whole photos; settings, names and defaults are segment-anything's.

    Attributes:
        model: network that answers points.
        points_per_side: number of points along a side of the grid; None if `point_grids` is given.
        points_per_batch: points asked at a time at most; fewer where the memory does not suffice.
        pred_iou_thresh: masks of a lower estimated IoU are dropped.
        stability_score_thresh: masks less stable are dropped.
        stability_score_offset: shift of the threshold that shows how stable a mask is.
        box_nms_thresh: IoU of boxes above which the better of two masks is kept.
        crop_n_layers: layers of crops that points are asked in too; layer n has 2ⁿ×2ⁿ of them.
        crop_nms_thresh: the same between masks of different crops; the smaller
            crop's is kept.
        crop_overlap_ratio: share of the photo's shorter side by which first-layer crops overlap.
        crop_n_points_downscale_factor: layer n's grids have so many times (to the power n) fewer
            points a side.
        point_grids: instead of `points_per_side`, N×2 points in [0, 1]² for each layer.
        min_mask_region_area: smaller holes are filled and smaller islands dropped, pixels.
        output_mode: form of the masks in the records, one of `OUTPUT_MODES`.

    Raises:
        ValueError: a setting has no meaning.
    """

    model: Promptable
    points_per_side: int | None = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    point_grids: Sequence[Points] | None = None
    min_mask_region_area: int = 0
    output_mode: str = "binary_mask"
    _grids: Sequence[Points] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if (self.points_per_side is None) == (self.point_grids is None):
            raise ValueError("give either points_per_side or point_grids, and not both")
        if self.output_mode not in OUTPUT_MODES:
            raise ValueError(
                f"output_mode is '{self.output_mode}', expected one of {', '.join(OUTPUT_MODES)}"
            )
        if self.points_per_batch < 1:
            raise ValueError(f"points_per_batch is {self.points_per_batch}, expected at least 1")
        grids = self.point_grids
        if self.points_per_side is not None:
            grids = point_grids(
                self.points_per_side, self.crop_n_layers, self.crop_n_points_downscale_factor
            )
        assert grids is not None
        check_grids(grids, self.crop_n_layers)
        object.__setattr__(self, "_grids", grids)

    def generate(self, image: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Records of the masks of an H×W×3 uint8 photo, as segment-anything's generator's."""
        size = (image.shape[0], image.shape[1])
        return [self._record(mask, size) for mask in self.masks(image)]

    def masks(self, image: NDArray[np.uint8]) -> list[GeneratedMask]:
        """The masks of an H×W×3 uint8 photo; of every crop the best first."""
        return self.masks_of([image])[0]

    @torch.inference_mode()
    @denormals_flushed()
    def masks_of(self, images: Sequence[NDArray[np.uint8]]) -> list[list[GeneratedMask]]:
        """The masks of several photos, whose images the encoder takes together."""
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        parts = [crops(size, self.crop_n_layers, self.crop_overlap_ratio) for size in sizes]
        found: list[list[GeneratedMask]] = [[] for _ in images]
        for same in zip(*parts, strict=True):  # all photos have equally many crops
            views = self.model.look(
                [crop.of(image) for crop, image in zip(same, images, strict=True)]
            )
            for masks_found, view, crop, size in zip(found, views, same, sizes, strict=True):
                masks_found += self._in_view(view, crop, size)
        return [self._united(each, size) for each, size in zip(found, sizes, strict=True)]

    def _united(self, found: list[GeneratedMask], size: tuple[int, int]) -> list[GeneratedMask]:
        """The masks of all crops without those found in several, and without small regions."""
        if self.crop_n_layers > 0:
            small = [1 / _area(mask.crop) for mask in found]
            left = distinct_boxes([mask.box for mask in found], small, self.crop_nms_thresh)
            found = [found[number] for number in left]
        return self._cleaned(found, size) if self.min_mask_region_area > 0 and found else found

    def _in_view(self, view: View, crop: Crop, photo: tuple[int, int]) -> list[GeneratedMask]:
        x0, y0 = crop.box[:2]
        thresholds = Thresholds(self.model.threshold, self.stability_score_offset)

        def allowed(mask: Enlarged) -> bool:
            stable = not self.stability_score_thresh > 0 or bool(
                np.float32(mask.stability) >= np.float32(self.stability_score_thresh)
            )
            return stable and not cut_by_crop(mask.box, crop, photo)

        pool = Pool(view.frame, thresholds, allowed)
        points = self._grids[crop.layer] * np.array(crop.size)[::-1]
        wanted = Wanted(self.pred_iou_thresh, self.stability_score_thresh, thresholds)
        for some in asked(view, points, min(self.points_per_batch, self.model.batch), wanted):
            pool.add(some)
        return [
            GeneratedMask(
                kept.mask.counts(crop.size, photo, (y0, x0)),
                _moved(kept.mask.box, x0, y0),
                kept.mask.area,
                kept.candidate.quality,
                kept.mask.stability,
                (kept.candidate.point[0] + x0, kept.candidate.point[1] + y0),
                crop.box,
            )
            for kept in pool.best_distinct(self.box_nms_thresh)
        ]

    def _cleaned(
        self, found: Sequence[GeneratedMask], size: tuple[int, int]
    ) -> list[GeneratedMask]:
        """Without small holes and islands, and without what is alike after that."""
        overlap = max(self.box_nms_thresh, self.crop_nms_thresh)
        counts = [mask.counts for mask in found]
        left, mended = cleaned(counts, size, self.min_mask_region_area, overlap)
        boxes = inclusive_boxes(mended, size)
        return [
            replace(found[number], counts=runs, box=box, area=area_of(runs, size))
            for number, runs, box in zip(left, mended, boxes, strict=True)
        ]

    def _record(self, mask: GeneratedMask, size: tuple[int, int]) -> dict[str, Any]:
        if self.output_mode == "binary_mask":
            segmentation: Any = rle.decode((mask.counts,), size)[0]
        elif self.output_mode == "coco_rle":
            segmentation = {"size": list(size), "counts": mask.counts.decode()}
        else:
            runs = runs_of(mask.counts)
            segmentation = {"size": list(size), "counts": runs.tolist()}
        return {
            "segmentation": segmentation,
            "area": mask.area,
            "bbox": _xywh(mask.box),
            "predicted_iou": mask.quality,
            "point_coords": [list(mask.point)],
            "stability_score": mask.stability,
            "crop_box": _xywh(mask.crop),
        }


def cut_by_crop(box: Box, crop: Crop, photo: tuple[int, int]) -> bool:
    """Whether a mask ends near a border of its crop that is not near one of the photo's.

    Args:
        box: XYXY in the crop, inclusive.
        crop: crop of the photo.
        photo: its (height, width), pixels.
    """
    x0, y0 = crop.box[:2]
    here = np.array([box[0] + x0, box[1] + y0, box[2] + x0, box[3] + y0])
    whole = np.array([0, 0, photo[1], photo[0]])
    near_crop, near_photo = (abs(here - edges) <= _EDGE for edges in (crop.box, whole))
    return bool((near_crop & ~near_photo).any())


def _moved(box: Box, x: int, y: int) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _xywh(box: Box) -> list[int]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]
