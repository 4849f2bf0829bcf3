"""Average recall against hand-computed cases and against pycocotools' COCOeval."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model.evaluation.masks.average_recall import NEVER, THRESHOLDS, found_at, recall
from model.masks import rle

SIZE = (40, 60)


def test_by_hand() -> None:
    iou = np.array([[0.55, 0.0], [0.95, 0.0], [0.6, 0.7]])
    places = found_at(iou, thresholds=(0.5, 0.65, 0.9, 0.99))
    # at 0.5 the first proposal takes the first region, although the second fits it better
    assert places.tolist() == [[0, 2], [1, 2], [1, NEVER], [NEVER, NEVER]]
    assert recall(places, 1).tolist() == [0.5, 0, 0, 0]
    assert recall(places, 10).tolist() == [1, 1, 0.5, 0]


def test_a_proposal_finds_one_region_and_prefers_one_that_counts() -> None:
    iou = np.array([[0.9, 0.6]])
    assert found_at(iou, thresholds=(0.5,)).tolist() == [[0, NEVER]]
    counted = np.array([False, True])
    assert found_at(iou, counted, (0.5,)).tolist() == [[NEVER, 0]]


def test_nothing_is_found_by_nothing() -> None:
    assert found_at(np.zeros((0, 3))).tolist() == [[NEVER] * 3] * len(THRESHOLDS)
    assert found_at(np.zeros((3, 0))).shape == (len(THRESHOLDS), 0)


def blobs(random: np.random.Generator, count: int) -> np.ndarray:
    drawn = np.zeros((count, *SIZE), np.bool_)
    for mask in drawn:
        y, x = random.integers(0, SIZE[0] - 4), random.integers(0, SIZE[1] - 4)
        h, w = random.integers(3, 22, 2)
        mask[y : y + h, x : x + w] = True
    return drawn


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("areas", [(0, 1e10), (0, 100), (100, 220), (220, 1e10)])
def test_agrees_with_cocoeval(seed: int, areas: tuple[float, float]) -> None:
    random = np.random.default_rng(seed)
    images, annotations, results = [], [], []
    places = []
    for number in range(1, 9):
        truth = blobs(random, 6)
        # half of the proposals are truths, moved a little: many overlaps near the thresholds
        moved = [np.roll(m, random.integers(-2, 3, 2), (0, 1)) for m in truth]
        proposals = np.concatenate([np.stack(moved), blobs(random, 14)])
        proposals = proposals[random.permutation(len(proposals))]
        true_counts, counts = rle.encode(truth), rle.encode(proposals)
        area = truth.sum(axis=(1, 2))
        images.append({"id": number, "height": SIZE[0], "width": SIZE[1]})
        for run, pixels in zip(true_counts, area, strict=True):
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                "area": float(pixels), "bbox": [0, 0, 1, 1],
                "segmentation": {"size": list(SIZE), "counts": run.decode()},
            })  # fmt: skip
        results += [
            {"image_id": number, "category_id": 1, "score": 1 - place / 100,
             "segmentation": {"size": list(SIZE), "counts": run.decode()}}
            for place, run in enumerate(counts)
        ]  # fmt: skip
        counted = (area >= areas[0]) & (area <= areas[1])
        places.append(found_at(rle.iou(counts, true_counts, SIZE), counted)[:, counted])
    with contextlib.redirect_stdout(io.StringIO()):
        true = COCO()
        true.dataset = {
            "images": images, "annotations": annotations, "categories": [{"id": 1, "name": "x"}]
        }  # fmt: skip
        true.createIndex()
        judge = COCOeval(true, true.loadRes(results), "segm")
        judge.params.useCats = 0
        judge.params.maxDets = [1, 5, 20]
        judge.params.areaRng, judge.params.areaRngLbl = [list(areas)], ["asked"]
        judge.evaluate()
        judge.accumulate()
    expected = judge.eval["recall"][:, 0, 0, :]  # thresholds × maxDets
    joined = np.concatenate(places, axis=1)
    assert joined.shape[1] > 5
    for column, k in enumerate((1, 5, 20)):
        np.testing.assert_allclose(recall(joined, k), expected[:, column])
    assert 0.1 < recall(joined, 20).mean() < 0.9
