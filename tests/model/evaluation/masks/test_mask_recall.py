from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.datasets.ground_truth import Region, TruePhoto, Truth, bare_segments, regions_of
from model.evaluation import baselines
from model.evaluation.baselines import LEAST_CROP, PlainFelzenszwalb, crop_vectors, cropped
from model.evaluation.looking import Looking
from model.evaluation.masks.mask_recall import in_photo_frame, measure_masks
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.segmenter import Segmenter

SIZE = (40, 100)


def box(y0: int, y1: int, x0: int, x1: int) -> NDArray[np.bool_]:
    mask = np.zeros(SIZE, np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


class Fixed(Segmenter):
    """The same masks for every photo."""

    def __init__(self, drawn: Sequence[NDArray[np.bool_]]) -> None:
        self._masks = drawn

    def segment(self, image: Image) -> Segments:
        return Segments.from_masks(np.stack(self._masks)) if self._masks else Segments.empty(SIZE)


def photo(folder: Path, source: str, *regions: tuple[NDArray[np.bool_], int | None]) -> TruePhoto:
    PillowImage.new("RGB", SIZE[::-1]).save(folder / f"{source}.png")
    true = tuple(
        Region(rle.encode(mask[None])[0], ("x",), "object", annotator)
        for mask, annotator in regions
    )
    return TruePhoto(source, folder / f"{source}.png", SIZE, true, ())


def test_figures_by_hand(tmp_path: Path) -> None:
    small, large = box(0, 4, 0, 5), box(10, 40, 0, 60)  # 0.5 % and 45 % of the photo
    truth = Truth(
        (
            photo(tmp_path, "one", (small, None), (large, None), (box(0, 1, 0, 5), None)),
            photo(tmp_path, "two", (box(0, 10, 0, 10), 0), (box(0, 5, 0, 5), 1)),
            photo(tmp_path, "three"),
        ),
        {}, frozenset(),
    )  # fmt: skip
    told: list[tuple[int, int]] = []
    # 30 × 48 of 30 × 60: IoU 0.8, found at 0.5 … 0.8 (seven of ten thresholds)
    own = Fixed([box(10, 40, 0, 48), small])
    table = measure_masks(
        truth, lambda: {"own": own, "none": Fixed([])}, Looking(lambda *n: told.append(n))
    )
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert table.columns == ("own", "none")
    assert table.figure("AR@100 over IoU 0.5–0.95", "own") == pytest.approx((1 + 0.7 + 0) / 3)
    assert table.figure("recall at IoU 0.5, first 100", "own") == pytest.approx(2 / 3)
    assert table.figure("recall at IoU 0.5, first 100", "none") == 0
    assert table.figure("AR@100, small, 0.2–1 % of the photo", "own") == 1
    assert table.figure("AR@100, large, over 10 %", "own") == pytest.approx(0.7)
    assert table.figure("AR@100, medium, 1–10 %", "own") == 0
    assert table.figure("one: AR@100", "own") == pytest.approx(0.85)
    assert table.figure("two: recall at IoU 0.5", "own") == 0
    assert [row.count for row in table.rows][:4] == [3, 3, 3, 3]


def test_only_the_first_count(tmp_path: Path) -> None:
    right = box(0, 30, 0, 30)
    many = Fixed([*(box(35, 40, x, x + 3) for x in range(20)), right])
    truth = Truth((photo(tmp_path, "one", (right, None)),), {}, frozenset())
    table = measure_masks(truth, lambda: {"many": many}, Looking())
    assert table.figure("AR@10 over IoU 0.5–0.95", "many") == 0
    assert table.figure("AR@100 over IoU 0.5–0.95", "many") == 1


def test_what_comes_behind_the_first_hundred_is_told_apart(tmp_path: Path) -> None:
    small = box(0, 4, 0, 2)  # 0.2 % of the photo
    late = Fixed([*(box(35, 40, x % 50, x % 50 + 3) for x in range(100)), small])
    truth = Truth((photo(tmp_path, "one", (small, None)),), {}, frozenset())
    table = measure_masks(truth, lambda: {"late": late}, Looking())
    assert table.figure("recall at IoU 0.5, first 100", "late") == 0
    assert table.figure("recall at IoU 0.5, all masks", "late") == 1
    size = "0.2–0.5 % of the photo"
    assert table.figure(f"recall at IoU 0.5, {size}", "late") == 0
    assert table.figure(f"recall at IoU 0.5, all masks, {size}", "late") == 1


def test_smaller_regions_are_asked_for_on_request_and_photos_read_as_for_an_index(
    tmp_path: Path,
) -> None:
    tiny, small = box(0, 1, 0, 5), box(0, 4, 0, 4)  # 0.125 % and 0.4 % of the photo
    truth = Truth((photo(tmp_path, "one", (tiny, None), (small, None)),), {}, frozenset())
    asked: list[tuple[int, int]] = []

    class Seeing(Fixed):
        def segment(self, image: Image) -> Segments:
            asked.append(image.size)
            return super().segment(image)

    own = {"own": Seeing([tiny])}
    table = measure_masks(truth, lambda: own, Looking(), least=0.001, side=50)
    assert asked == [(20, 50)]
    assert table.figure("AR@100, tiny, under 0.2 % of the photo", "own") == 1
    assert table.figure("AR@100, under 0.5 % of the photo", "own") == 0.5
    table = measure_masks(truth, lambda: own, Looking())
    assert table.figure("AR@100, under 0.5 % of the photo", "own") == 0
    assert not any("tiny" in row.what for row in table.rows)


def test_small_regions_and_other_annotators_are_not_asked_for(tmp_path: Path) -> None:
    drawn = ((box(0, 2, 0, 3), None), (box(0, 20, 0, 20), 0), (box(0, 20, 0, 30), 1))
    asked = photo(tmp_path, "one", *drawn)
    assert [r.annotator for r in regions_of(asked, 1)] == [1]
    assert [r.annotator for r in regions_of(asked, 0)] == [0]


def test_masks_are_compared_in_the_photos_frame() -> None:
    segments = Segments.from_masks(np.ones((1, 20, 50), np.bool_))
    assert rle.areas(in_photo_frame(segments, SIZE), SIZE).tolist() == [4000]


def test_felzenszwalb_finds_what_differs_from_its_surroundings(squares_corpus: Path) -> None:
    image = Image(
        np.asarray(PillowImage.open(squares_corpus / "squares" / "images" / "0.png")), (60, 80)
    )
    found = PlainFelzenszwalb().segment(image)
    square = np.zeros((1, 60, 80), np.bool_)
    square[0, 10:40, 20:50] = True
    assert rle.iou(found.counts, rle.encode(square), (60, 80)).max() > 0.85
    assert len(set(found.counts)) == len(found)
    assert (np.diff(found.areas) <= 0).all()


def test_a_crop_is_the_box_and_never_too_small() -> None:
    pixels = np.arange(40 * 100 * 3).reshape(40, 100, 3).astype(np.uint8)
    image = Image(pixels, SIZE)
    np.testing.assert_array_equal(cropped(image, (10, 5, 40, 25)).pixels, pixels[5:25, 10:40])
    assert cropped(image, (98, 38, 100, 40)).size == (LEAST_CROP, LEAST_CROP)
    assert cropped(image, (0, 0, 1, 30)).size == (30, LEAST_CROP)


def test_a_photo_is_the_mixture_of_the_classes_that_a_classifier_sees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Trunk:
        """Sees the first class three times as probable as the second, and no other."""

        def features(self, image: Image) -> SimpleNamespace:
            return SimpleNamespace(maps=(torch.ones(4, 2, 3),))

        def class_scores(self, pooled: torch.Tensor) -> torch.Tensor:
            assert pooled.shape == (1, 4)
            return torch.tensor([[3.0, 1.0] + [0.0] * 998]).log()

    monkeypatch.setattr(baselines.EfficientNetTrunk, "shared", Trunk)
    asked: list[str] = []

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return np.eye(len(texts), dtype=np.float32)

    names = baselines.ImageNetNames(encode)
    found = names.vector(Image(np.zeros((4, 4, 3), np.uint8), (4, 4)))
    assert found[:2] == pytest.approx(np.array([3, 1]) / np.sqrt(10))
    assert not found[2:].any()
    assert (len(asked), asked[:2]) == (1000, ["tench", "goldfish"])


def test_crops_are_embedded_as_photos() -> None:
    models = load_preset("colours").build()
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 50:] = (225, 20, 20)
    image = Image(pixels, SIZE)
    halves = np.stack([box(0, 40, 0, 50), box(0, 40, 50, 100)])
    segments = bare_segments(SIZE, rle.encode(halves))
    vectors = crop_vectors(models.embedder, image, segments)
    texts = models.embedder.embed_texts(["black", "red"]).vectors
    np.testing.assert_allclose(vectors @ texts.T, np.eye(2), atol=0.05)
    assert crop_vectors(models.embedder, image, segments[:0]).shape == (0, 32)
