"""Against segment-anything's own generator: the same masks in the same order."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from numpy.typing import NDArray
from scipy import ndimage
from segment_anything import SamAutomaticMaskGenerator
from toy_sam import PHOTO, drawing_sam

from model.masks import rle
from model.photos.images import Image
from model.segmenters.sam.generation import candidate_pool
from model.segmenters.sam.generation.generator import MaskGenerator
from model.segmenters.sam.networks.folded_sam import FoldedSam
from model.segmenters.sam.promptable import Answers, Pixels, Promptable, Prompts, View
from model.segmenters.sam.segmenter import PointGridSegmenter

Records = list[dict[str, Any]]
TERMS = terms_of(drawing_sam())
SETTINGS: list[dict[str, Any]] = [
    {},
    {"points_per_batch": 5, "box_nms_thresh": 0.9},
    {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.6, "stability_score_offset": 3.0},
    {"pred_iou_thresh": 0.9, "stability_score_thresh": 0.0},
    {"crop_n_layers": 1, "crop_n_points_downscale_factor": 2},
    {"points_per_side": None, "point_grids": [np.array([[0.5, 0.5], [0.2, 0.7], [0.9, 0.1]])]},
    {"pred_iou_thresh": 2.0},
]


def reference(**settings: Any) -> Records:
    made = {"points_per_side": 10, "output_mode": "coco_rle"} | settings
    if made.get("pred_iou_thresh") == 2.0:
        return []  # segment-anything's fails on no masks at all
    return SamAutomaticMaskGenerator(drawing_sam(), **made).generate(PHOTO)


def ours(**settings: Any) -> Records:
    made = {"points_per_side": 10, "output_mode": "coco_rle"} | settings
    return MaskGenerator(FoldedSam(drawing_sam()), **made).generate(PHOTO)


def assert_same(actual: Records, expected: Records) -> None:
    """The same masks; rounding may turn round two of equal quality, or tip a pixel's logit."""
    assert len(actual) == len(expected)
    keys = ("crop_box", "point_coords", "predicted_iou")
    sides = (
        sorted(side, key=lambda one: [one[key] for key in keys]) for side in (actual, expected)
    )
    for one, other in zip(*sides, strict=True):
        assert one.keys() == other.keys()
        assert one["crop_box"] == other["crop_box"]
        assert one["point_coords"] == other["point_coords"]
        assert_close([one["predicted_iou"]], [other["predicted_iou"]], TERMS, torch.float32)
        assert one["stability_score"] == pytest.approx(
            other["stability_score"], abs=0.02, nan_ok=True
        )
        assert one["bbox"] == pytest.approx(other["bbox"], abs=1)
        runs = ([mask["segmentation"]["counts"].encode()] for mask in (one, other))
        assert one["area"] == other["area"] == 0 or rle.iou(*runs, PHOTO.shape[:2]) > 0.999


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: ",".join(one) or "defaults")
def test_masks_are_the_reference_s(settings: dict[str, Any]) -> None:
    expected = reference(**settings)
    assert len(expected) > 5 or settings
    assert_same(ours(**settings), expected)


@pytest.mark.parametrize("mode", ["binary_mask", "uncompressed_rle"])
def test_masks_come_as_the_reference_gives_them(mode: str) -> None:
    pairs = zip(ours(output_mode=mode), reference(output_mode=mode), strict=True)
    for made in pairs:
        one, other = (each["segmentation"] for each in made)
        assert type(one) is type(other)
        if mode == "uncompressed_rle":
            assert one["size"] == other["size"]
            one, other = (drawn(each) for each in (one, other))
        assert (one & other).sum() > 0.999 * (one | other).sum()  # rounding may tip a pixel


def drawn(runs: dict[str, Any]) -> NDArray[np.bool_]:
    """The pixels of lengths that alternate, background first, column by column."""
    values = np.arange(len(runs["counts"])) % 2 == 1
    return np.repeat(values, runs["counts"]).reshape(runs["size"][::-1]).T


def test_small_regions_are_dropped_as_the_reference_drops_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opencv = ModuleType("cv2")  # the one function that the reference takes from it

    def components(mask: np.ndarray, connectivity: int) -> tuple[Any, ...]:
        assert connectivity == 8
        regions, count = ndimage.label(mask, np.ones((3, 3)))
        areas = np.bincount(regions.ravel(), minlength=count + 1)
        return count + 1, regions, areas[:, None], None

    opencv.connectedComponentsWithStats = components  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv2", opencv)
    loose = {"stability_score_thresh": 0.8, "box_nms_thresh": 0.8}
    plain, expected = reference(**loose), reference(min_mask_region_area=400, **loose)
    assert [one["area"] for one in expected] != [one["area"] for one in plain]
    assert_same(ours(min_mask_region_area=400, **loose), expected)


def test_a_small_pool_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ours()
    monkeypatch.setattr(candidate_pool, "BUDGET", 10_000)
    assert_same(ours(), expected)


class Cramped(Promptable):
    """Has memory for so many points at a time, and fails as torch does on a GPU and on a CPU."""

    def __init__(self, room: int, error: Exception) -> None:
        self.model, self.room, self.error = FoldedSam(drawing_sam()), room, error
        self.device, self.batch = self.model.device, 64
        self.asked: list[int] = []

    def look(self, photos: list[Pixels]) -> list[View]:  # type: ignore[override]
        return [CrampedView(self, view) for view in self.model.look(photos)]


class CrampedView(View):
    def __init__(self, owner: Cramped, view: View) -> None:
        self.owner, self.view, self.frame = owner, view, view.frame

    def ask(self, prompts: Prompts, several: bool | None) -> Answers:
        self.owner.asked.append(len(prompts))
        if len(prompts) > self.owner.room:
            raise self.owner.error
        return self.view.ask(prompts, several)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
    ids=["gpu", "cpu", "python"],
)
def test_a_batch_shrinks_when_the_memory_is_short(error: Exception) -> None:
    model = Cramped(20, error)
    settings = {"points_per_side": 10, "output_mode": "coco_rle"}
    assert_same(MaskGenerator(model, **settings).generate(PHOTO), ours())
    assert model.asked == [64, 32, *[16] * 6, 4]
    with pytest.raises(type(error)):
        MaskGenerator(Cramped(0, error), **settings).generate(PHOTO)


def test_another_error_is_not_taken_for_lack_of_memory() -> None:
    model = Cramped(0, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes"):
        MaskGenerator(model, points_per_side=2).generate(PHOTO)
    assert model.asked == [4]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"point_grids": [np.zeros((1, 2))]}, "not both"),
        ({"points_per_side": None}, "not both"),
        ({"output_mode": "png"}, "coco_rle"),
        ({"points_per_batch": 0}, "at least 1"),
    ],
)
def test_settings_without_meaning_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ours(**settings)


def test_segments_lie_in_the_working_frame_best_first() -> None:
    segmenter = PointGridSegmenter(FoldedSam(drawing_sam()), side=100, points_per_side=10)
    segments = segmenter.segment(Image(PHOTO, (900, 1250)))
    assert segments.size == (72, 100)
    assert len(segments) > 5
    assert (np.diff(segments.quality) <= 0).all()
    assert segments.quality.max() <= 1
    assert (segments.areas > 0).all()


def test_nothing_found_is_no_segments() -> None:
    segmenter = PointGridSegmenter(FoldedSam(drawing_sam()), pred_iou_thresh=2.0)
    assert len(segmenter.segment(Image(PHOTO, PHOTO.shape[:2]))) == 0


class AheadView(CrampedView):
    runs_ahead = True


class Eager(Cramped):
    """Is asked for the next batch before the last one is dealt with, as on a GPU."""

    def look(self, photos: list[Pixels]) -> list[View]:  # type: ignore[override]
        return [AheadView(self, view) for view in self.model.look(photos)]


@pytest.mark.parametrize("room", [64, 9])
def test_a_batch_asked_ahead_changes_nothing(room: int) -> None:
    model = Eager(room, MemoryError())
    settings = {"points_per_side": 10, "points_per_batch": 30, "output_mode": "coco_rle"}
    assert_same(MaskGenerator(model, **settings).generate(PHOTO), ours())
    asked = [count for count in model.asked if count <= room]
    assert sum(asked) == 100


@pytest.mark.parametrize("layers", [0, 1])
def test_several_photos_have_the_masks_that_each_has(layers: int) -> None:
    generator = MaskGenerator(FoldedSam(drawing_sam()), points_per_side=6, crop_n_layers=layers)
    photos = [PHOTO, np.ascontiguousarray(PHOTO.transpose(1, 0, 2)[:100])]
    together = generator.masks_of(photos)
    for photo, found in zip(photos, together, strict=True):
        alone = generator.masks(photo)
        assert len(found) == len(alone) > 0
        overlap = rle.iou(
            *([mask.counts for mask in each] for each in (found, alone)), photo.shape[:2]
        )
        assert overlap.max(axis=1).min() > 0.999  # rounding may tip a pixel, or turn round two
