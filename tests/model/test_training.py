import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from model import masks
from model.calibration import Calibration
from model.encoders.efficientnet import CHANNELS
from model.training import features as features_module
from model.training.__main__ import main
from model.training.examples import Examples, examples_of
from model.training.features import FeatureCache, overlaps
from model.training.head_training import Recipe, embedded, learning_rate, train_head
from model.training.pairs import PHOTO_KIND, AnnotatedPhoto, TrainingPair, read_corpus
from model.training.proposal_photos import proposal_photos
from model.use.head import SegmentHead

COLOURS = {"red square": (200, 30, 30), "blue square": (30, 30, 200), "white square": (240,) * 3}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of one coloured square each, with its mask and name, and a few with captions only."""
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    for source in ("squares", "imagenet_compatible", "flickr_captions"):
        records = []
        (folder / source / "images").mkdir(parents=True)
        for number in range(12 if source == "squares" else 4):
            name = list(COLOURS)[number % 3]
            pixels = random.integers(90, 110, (48, 64, 3)).astype(np.uint8)
            y, x = random.integers(2, 16, 2)
            pixels[y : y + 26, x : x + 26] = COLOURS[name]
            PillowImage.fromarray(pixels).save(folder / source / "images" / f"{number}.png")
            mask = np.zeros((1, 48, 64), np.bool_)
            mask[0, y : y + 26, x : x + 26] = True
            region = {
                "segmentation": {"size": [48, 64], "counts": masks.encode(mask)[0].decode()},
                "bbox": [0, 0, 1, 1],
                "phrases": [name, "square"],
                "kind": "object",
            }
            records.append(
                {
                    "file": f"{number}.png",
                    "height": 48,
                    "width": 64,
                    "split": "val" if number % 4 == 3 else "train",
                    "captions": [] if source == "squares" else [f"a photo of a {name}"],
                    "regions": [region] if source == "squares" else [],
                }
            )
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / source / "annotations.jsonl").write_text(lines)
    return folder


def test_one_command_makes_weights_and_measures_them(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    asked = [str(corpus), "--out", str(out), "--cache", str(cache)]
    assert main([*asked, "--steps", "30"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["segment mAP"] > figures["segment mAP, chance"]
    assert SegmentHead.load(out / "head.safetensors").dimension == 384
    assert Calibration.load(out / "calibration.safetensors").segments.shape[1] == 384
    assert main([*asked, "--evaluate"]) == 0  # from the cache, with the weights just written
    captured = capsys.readouterr()
    assert json.loads(captured.out) == figures
    assert "features of" not in captured.err


def test_a_missing_corpus_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path), "--cache", str(tmp_path / "cache")]
    assert main([str(tmp_path / "none"), *options]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def examples(random: np.random.Generator) -> Examples:
    """Four concepts, told by one channel each."""
    concept = np.arange(200) % 4
    pooled = random.normal(size=(200, sum(CHANNELS))).astype(np.float16)
    pooled[np.arange(200), concept] += 8
    return Examples(
        pooled,
        pooled[:, -CHANNELS[-1] :],
        np.arange(200),
        tuple("abcd"),
        concept[:, None].astype(np.int64),
        np.full(200, 1 / 200),
    )


def test_training_learns_and_is_repeatable() -> None:
    data = examples(np.random.default_rng(0))
    vectors = np.eye(4, 16, dtype=np.float32)
    recipe = Recipe(width=16, steps=60, batch=64, rate=5e-3)
    losses: list[float] = []
    head = train_head(data, vectors, recipe, lambda _, loss: losses.append(loss))
    found = (embedded(head, data.pooled, data.whole) @ vectors.T).argmax(axis=1)
    assert (found == data.true_texts[:, 0]).mean() > 0.9
    assert not head.training
    again = train_head(data, vectors, recipe, lambda *_: None)
    torch.testing.assert_close(again.embed.weight, head.embed.weight)
    other = train_head(data, vectors, Recipe(16, steps=60, batch=64, seed=1), lambda *_: None)
    assert not torch.allclose(other.embed.weight, head.embed.weight)


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    rates = [learning_rate(step, 200) for step in range(200)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == 1
    assert rates[-1] < 1e-3
    assert np.diff(rates[10:]).max() <= 0


class CountingTrunk:
    def __init__(self) -> None:
        self.looks = 0

    def features(self, image: object) -> object:
        self.looks += 1
        return None


def test_features_are_made_once_and_a_kill_leaves_no_half_file(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pooled(_: object, segments: list[object]) -> torch.Tensor:
        return torch.full((len(segments), sum(CHANNELS)), 2.0)

    monkeypatch.setattr(features_module, "pooled_features", pooled)
    photos, trunk = read_corpus(corpus), CountingTrunk()
    cache = FeatureCache(tmp_path, trunk, "x")  # type: ignore[arg-type]
    first = cache.annotated(photos, lambda _: None)
    assert trunk.looks == len(photos)
    assert (first.pair == -1).sum() == len(photos)
    again = cache.annotated(photos, lambda _: pytest.fail("made again"))
    np.testing.assert_array_equal(again.photo, first.photo)
    FeatureCache(tmp_path, trunk, "y").annotated(photos, lambda _: None)  # type: ignore[arg-type]
    assert trunk.looks == 2 * len(photos)
    found = examples_of(photos, first, None, ["train"], [PHOTO_KIND])
    assert {photos[n].source for n in found.photo} == {"imagenet_compatible", "flickr_captions"}
    assert found.weight.sum() == pytest.approx(1)


def test_overlaps_are_measured_in_the_segmenters_frame() -> None:
    mask = np.zeros((2, 40, 40), np.bool_)
    mask[0, :20], mask[1, :, :20] = True, True
    pairs = tuple(
        TrainingPair(Path("x.png"), (40, 40), c, ("x",), "object") for c in masks.encode(mask)
    )
    photo = AnnotatedPhoto("s", Path("x.png"), (40, 40), "val", pairs)
    from model.segments import Segments

    segment = np.zeros((1, 20, 20), np.bool_)
    segment[0, :10] = True
    links = overlaps(Segments.from_masks(segment), photo)
    assert [(row, pair) for row, pair, _, _ in links] == [(0, 0), (0, 1)]
    assert links[0][2:] == pytest.approx((1, 1))
    assert links[1][2:] == pytest.approx((1 / 3, 1 / 2))


def test_proposals_are_made_where_they_are_worth_it(corpus: Path) -> None:
    photos = read_corpus(corpus, holdout=0)
    chosen = proposal_photos(photos, train=5, unnamed=1)
    kinds = [(photos[n].source, photos[n].split) for n in chosen]
    assert kinds.count(("squares", "train")) == 5
    assert kinds.count(("squares", "val")) == 3
    assert kinds.count(("flickr_captions", "train")) == 1
    assert ("flickr_captions", "val") not in kinds
