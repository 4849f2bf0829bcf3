import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from model import load_preset
from model.datasets.source import PairSource
from model.embedders.residual_head import ResidualHead
from model.embedders.towers import SegmentViews, TowersEmbedder
from model.errors import DataMissing, RecipeInvalid, WeightsMismatch
from model.masks import rle
from model.masks.segments import Segments
from model.training.loop.run_log import read_record
from model.training.loop.task import TaskContext
from model.training.run import train
from model.training.towers.task import TowerTask, TowerTaskSettings, tower_kind

COLOURS = {"red half": (200, 30, 30), "blue half": (30, 30, 200), "white half": (240, 240, 240)}
SIZE = (48, 64)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine photos of two coloured halves each, with their masks and names, and a damaged file."""
    folder = tmp_path_factory.mktemp("halves")
    images = folder / "halves" / "images"
    images.mkdir(parents=True)
    names, lines = list(COLOURS), []
    random = np.random.default_rng(0)
    for number in range(10):
        edge = 24 + int(random.integers(16))
        left = np.zeros(SIZE, np.bool_)
        left[:, :edge] = True
        chosen = (names[number % 3], names[(number + 1 + number // 3 % 2) % 3])
        pixels = random.integers(-12, 12, (*SIZE, 3))
        pixels = pixels + np.where(left[..., None], *(COLOURS[name] for name in chosen))
        if number < 9:
            saved = PillowImage.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            saved.save(images / f"{number}.png")
        else:
            (images / f"{number}.png").write_bytes(b"no photo")
        regions = [
            {
                "segmentation": {"size": SIZE, "counts": rle.encode(mask[None])[0].decode()},
                "phrases": [name, "half"],
                "kind": "object",
            }
            for name, mask in zip(chosen, (left, ~left), strict=True)
        ]
        record = {
            "file": f"{number}.png", "height": 48, "width": 64, "captions": [],
            "split": "val" if number in (6, 7, 8) else "train", "regions": regions,
        }  # fmt: skip
        lines.append(json.dumps(record))
    (folder / "halves" / "annotations.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def settings(towers: Path, preset: str = "") -> TowerTaskSettings:
    sources = ((PairSource("corpus", split=split),) for split in ("train", "val"))
    return TowerTaskSettings(*sources, preset or str(towers / "towers.toml"), 16, 2, 2)


def task(towers: Path, corpus: Path, cache: Path, told: list[str] | None = None) -> TowerTask:
    context = TaskContext(corpus, cache, 8, 0, [].append if told is None else told.append)
    torch.manual_seed(0)
    built = tower_kind().build(settings(towers), context)
    assert isinstance(built, TowerTask)
    return built


def recipe(path: Path, towers: Path, steps: int = 40) -> Path:
    text = (Path(__file__).parents[4] / "recipes" / "towers.toml").read_text()
    text = text[: text.index("[trainer]")].replace('"base"', f'"{towers}/towers.toml"')
    text = text.replace("width = 512", "width = 16").replace("holdout = 0.1", "")
    text += f"[trainer]\nsteps = {steps}\nbatch = 8\nlr = 1e-2\nprecision = 'float32'\n"
    path.write_text(text + f"best = 'mAP'\nvalidate_every = 10\ncheckpoint_every = {steps}\n")
    return path


def test_it_learns_and_what_it_exports_is_a_head_of_the_preset(
    tiny_towers: Path, corpus: Path, cache: Path, tmp_path: Path
) -> None:
    summary = train(recipe(tmp_path / "r.toml", tiny_towers), corpus, tmp_path / "run", cache=cache)
    assert summary is not None
    losses = [line["loss"] for line in read_record(tmp_path / "run") if line["section"] == "train"]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1
    assert summary.metrics["mAP"] > summary.metrics["mAP untrained"]
    head = tmp_path / "run" / "head.safetensors"
    assert ResidualHead.load(head).shape.clip_levels == (2, 3, 4, 6)
    preset = load_preset(f"{tiny_towers}/towers.toml+{head}")
    assert preset.build_embedder().space != preset.without_head().space


def test_before_the_first_step_it_is_as_good_as_untrained(
    tiny_towers: Path, corpus: Path, cache: Path
) -> None:
    built = task(tiny_towers, corpus, cache)
    with torch.no_grad():
        figures = built.validate()
    assert figures["mAP"] == pytest.approx(figures["mAP untrained"])


def test_features_are_made_once_and_damaged_photos_are_told(
    tiny_towers: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    task(tiny_towers, corpus, tmp_path, told)
    assert any("9.png" in line for line in told)
    monkeypatch.setattr(TowersEmbedder, "views", lambda *_: pytest.fail("looked again"))
    monkeypatch.setattr(TowersEmbedder, "embed_texts", lambda *_: pytest.fail("encoded again"))
    task(tiny_towers, corpus, tmp_path)


def test_batches_are_of_one_size_and_given_by_the_seed(
    tiny_towers: Path, corpus: Path, cache: Path
) -> None:
    built = task(tiny_towers, corpus, cache)
    first, again, other = (list(built.batches(seed)) for seed in (1, 1, 2))
    assert [len(batch.drawn) for batch in first] == [8, 8]
    assert all(len(batch.texts) == 8 == sum(len(v.start) for v in batch.views) for batch in first)
    assert all(torch.equal(a.drawn, b.drawn) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a.drawn, b.drawn) for a, b in zip(first, other, strict=True))
    for batch in first:
        assert (batch.true == batch.drawn[:, None]).any(dim=1).all()


def test_a_cache_that_was_emptied_is_told(tiny_towers: Path, corpus: Path, tmp_path: Path) -> None:
    built = task(tiny_towers, corpus, tmp_path)
    for file in tmp_path.glob("*/*/*.safetensors"):
        file.unlink()
    with pytest.raises(DataMissing, match="vanished"):
        next(iter(built.batches(0)))


def test_a_preset_without_towers_is_refused(tiny_towers: Path, corpus: Path, cache: Path) -> None:
    context = TaskContext(corpus, cache, 8, 0, [].append)
    with pytest.raises(RecipeInvalid, match="no towers"):
        tower_kind().build(settings(tiny_towers, "colours"), context)


def test_a_head_belongs_to_the_towers_it_was_trained_on(
    tiny_towers: Path, corpus: Path, cache: Path, tmp_path: Path
) -> None:
    task(tiny_towers, corpus, cache).export(tmp_path)
    finer = (tiny_towers / "towers.toml").read_text().replace("dino_side = 84", "dino_side = 112")
    (tiny_towers / "finer.toml").write_text(finer)
    with pytest.raises(WeightsMismatch, match="other settings"):
        load_preset(f"{tiny_towers}/finer.toml+{tmp_path}/head.safetensors").build_embedder()


def test_the_first_weights_are_given_by_the_recipes_seed_alone(
    tiny_towers: Path, corpus: Path, cache: Path
) -> None:
    built = []
    for drawn_before, seed in ((1, 7), (2, 7), (2, 8)):
        torch.manual_seed(drawn_before)  # as towers draw that are loaded, and features do not
        context = TaskContext(corpus, cache, 8, seed, lambda line: None)
        kind = tower_kind()
        built.append(kind.build(settings(tiny_towers), context).network.state_dict())
    one, same, other = built
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_segments_are_seen_beside_the_whole_photo_as_in_an_index(
    tiny_towers: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = []
    views = TowersEmbedder.views

    def noted(embedder: TowersEmbedder, *given: Any, among: Segments) -> SegmentViews:
        others.append((given[1].counts, among.counts))
        return views(embedder, *given, among=among)

    monkeypatch.setattr(TowersEmbedder, "views", noted)
    task(tiny_towers, corpus, tmp_path)
    whole = Segments.empty(SIZE).with_whole().counts
    assert all(among == (*counts, *whole) for counts, among in others)
    assert len(others) == 9
