import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close
from PIL import Image as PillowImage
from torch import Tensor

from model.datasets.ground_truth import TruePhoto, read_truth
from model.datasets.outlined_photos import OutlinedPhotos
from model.encoders.efficientnet import CHANNELS, FINE_CHANNELS, EfficientNetTrunk, input_size
from model.masks import rle
from model.presets.preset import load_preset
from model.segmenters.dense.network import DenseNetwork
from model.training.dense_masks.augmentation import ViewSettings
from model.training.dense_masks.batches import kept_maps
from model.training.dense_masks.task import (
    WEIGHTS,
    MaskSettings,
    MaskTask,
    drawn_cells,
    mask_kind,
)
from model.training.loop.feature_store import FeatureStore
from model.training.loop.task import TaskContext
from model.training.recipe import load_recipe
from model.training.registry import KINDS
from model.training.run import train

RECIPE = Path(__file__).parents[4] / "recipes" / "masks.toml"
VIEWS = ViewSettings(sides=(96, 128), windows=(96,), light=0.1)
SETTINGS = MaskSettings(
    width=16,
    fine=16,
    prototypes=8,
    side=96,
    prompts=8,
    photos=OutlinedPhotos(exhaustive=("squares",)),
    views=VIEWS,
)


def write_corpus(folder: Path, source: str, photos: int = 4) -> None:
    """Photos of one bright square each, in one corner or another."""
    (folder / source / "images").mkdir(parents=True)
    lines = []
    for number in range(photos):
        mask = np.zeros((64, 96), np.bool_)
        y, x = 8 + 20 * (number % 2), 8 + 40 * (number // 2 % 2)
        mask[y : y + 28, x : x + 32] = True
        pixels = np.full((64, 96, 3), 40, np.uint8)
        pixels[mask] = (220, 60, 40)
        name = f"{number}.png"
        PillowImage.fromarray(pixels).save(folder / source / "images" / name)
        region = {
            "segmentation": {"size": [64, 96], "counts": rle.encode(mask[None])[0].decode()},
            "phrases": [],
            "kind": "object",
        }
        record = {"file": name, "height": 64, "width": 96, "captions": [], "regions": [region]}
        lines.append(json.dumps(record | {"split": "val" if number == photos - 1 else "train"}))
    (folder / source / "annotations.jsonl").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, "squares", 5)
    return folder


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Callable[[TruePhoto], tuple[Tensor, ...]]:
    store = FeatureStore(tmp_path_factory.mktemp("store"), "trunk")
    return kept_maps(store, EfficientNetTrunk.shared(side=96))


def task(corpus: Path, maps: Callable[[TruePhoto], tuple[Tensor, ...]]) -> MaskTask:
    torch.manual_seed(0)
    train, val = (read_truth(corpus, split).photos for split in ("train", "val"))
    trunk = EfficientNetTrunk.shared(side=96)
    return MaskTask(SETTINGS, train, {"val": val}, trunk, maps, batch=2)


def test_squares_are_learned(
    corpus: Path, maps: Callable[[TruePhoto], tuple[Tensor, ...]], tmp_path: Path
) -> None:
    learner = task(corpus, maps)
    optimiser = torch.optim.AdamW(learner.network.parameters(), lr=5e-3)
    losses = []
    for epoch in range(14):
        for batch in learner.batches(epoch):
            terms = learner.loss(batch)
            optimiser.zero_grad()
            terms["loss"].backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(terms["dice"].item())
    assert np.mean(losses[-5:]) < 0.2 < losses[0]
    learner.network.eval()
    with torch.inference_mode():
        found = learner.validate()
    assert found["val_recall_50"] == 1.0
    assert found["val_ar_100"] > 0.5
    learner.export(tmp_path)
    assert DenseNetwork.load(tmp_path / WEIGHTS).shape == learner.network.shape


def test_an_epoch_depends_on_its_seed_alone(
    corpus: Path, maps: Callable[[TruePhoto], tuple[Tensor, ...]]
) -> None:
    learner = task(corpus, maps)
    one, same, other = (learner.batches(seed)[0] for seed in (3, 3, 4))
    for level, again in zip(one.maps, same.maps, strict=True):
        assert torch.equal(level, again)
    for target, again in zip(one.targets, same.targets, strict=True):
        assert torch.equal(target, again)
    assert one.maps[0].shape[2:] == one.targets[0].shape[1:]
    assert one.maps[0].shape != other.maps[0].shape or not torch.equal(one.maps[0], other.maps[0])


def test_cells_are_drawn_inside_or_where_most_is_covered() -> None:
    cover = torch.tensor([[0.0, 0.6, 0.0, 1.0], [0.1, 0.3, 0.0, 0.2]])
    torch.manual_seed(0)
    drawn = torch.stack([drawn_cells(cover) for _ in range(200)])
    assert set(drawn[:, 0].tolist()) == {1, 3}
    assert set(drawn[:, 1].tolist()) == {1}
    assert (drawn[:, 0] == 3).float().mean() == pytest.approx(1 / 1.6, abs=0.1)


def test_maps_are_made_once(corpus: Path, tmp_path: Path) -> None:
    trunk = EfficientNetTrunk(side=96)
    photo = read_truth(corpus, "train").photos[0]
    made = kept_maps(FeatureStore(tmp_path, "trunk"), trunk)(photo)
    assert [tuple(level.shape) for level in made] == [
        (channels, 64 // stride, 96 // stride)
        for channels, stride in zip((FINE_CHANNELS, *CHANNELS[:3]), (4, 8, 16, 32), strict=True)
    ]
    trunk.features = None  # type: ignore[method-assign,assignment]
    kept = kept_maps(FeatureStore(tmp_path, "trunk"), trunk)(photo)
    for one, other in zip(made, kept, strict=True):
        assert_close(one, other, terms=1, dtype=torch.float16)  # as they are kept


def test_the_recipe_is_understood() -> None:
    read = load_recipe(RECIPE, KINDS)
    assert read.kind == "masks"
    assert isinstance(read.task, MaskSettings)
    assert read.task.photos.weights["coco"] == 3.0
    assert max(read.task.views.windows) <= max(read.task.views.sides)


def test_a_photo_is_looked_at_in_multiples_of_32() -> None:
    assert input_size((300, 448)) == (288, 448)
    assert input_size((3000, 20)) == (448, 32)


def test_the_trainer_runs_the_recipe(corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "masks.toml"
    recipe.write_text(
        """
        [task]
        kind = "masks"
        width = 8
        fine = 8
        prototypes = 4
        side = 96
        prompts = 4
        photos = {holdout = 0.3}
        views = {sides = [96], windows = [64, 96]}

        [trainer]
        steps = 2
        batch = 2
        lr = 1e-3
        ema = 0.9
        best = "val_ar_100"
        """
    )
    summary = train(recipe, corpus, tmp_path / "out", cache=tmp_path / "cache")
    assert summary is not None
    assert summary.steps == 2
    assert 0 <= summary.metrics["val_ar_100"] <= 1
    trained = DenseNetwork.load(tmp_path / "out" / WEIGHTS)
    assert trained.shape["width"] == "8"
    assert trained.side == 96


def test_a_training_may_start_with_the_weights_of_a_preset(
    maps: Callable[[TruePhoto], tuple[Tensor, ...]],
) -> None:
    trunk = EfficientNetTrunk.shared(side=96)
    learner = MaskTask(MaskSettings(start="nano", side=96), [], {}, trunk, maps, batch=2)
    bundled = DenseNetwork.read(load_preset("nano").weights["masks"].checked_path())
    for name, value in bundled.state_dict().items():
        assert torch.equal(learner.network.state_dict()[name], value)
    assert learner.network.side == 96


def test_the_first_weights_are_given_by_the_recipes_seed_alone(
    corpus: Path, tmp_path: Path
) -> None:
    built = []
    for drawn_before, seed in ((1, 7), (2, 7), (2, 8)):
        torch.manual_seed(drawn_before)  # as a trunk draws that is built, and not remembered
        context = TaskContext(corpus, tmp_path, 2, seed, lambda line: None)
        built.append(mask_kind().build(SETTINGS, context).network.state_dict())
    one, same, other = built
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
