from pathlib import Path

import numpy as np
import pytest
import torch

from model import Image, load_preset
from model.errors import PresetInvalid, WeightsMismatch
from model.presets.random_networks import network_of, tiny_clip
from model.presets.random_weights import main, write_random_weights


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`base` with networks as small as they can be."""
    return write_random_weights("base", tmp_path_factory.mktemp("weights"), tiny=True)


def test_a_preset_is_built_from_the_published_formats_and_looks_at_photos(tiny: Path) -> None:
    preset = load_preset(str(tiny))
    models = preset.build()
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    segments = models.segmenter.segment(Image(noise, (48, 64)))
    assert len(segments)
    vectors = models.embedder.embed_segments(Image(noise, (48, 64)), segments)
    assert vectors.space == preset.space
    assert models.embedder.embed_texts(["a dog"]).similarity(vectors).shape == (1, len(segments))


def test_the_folder_is_laid_out_as_the_cache_and_is_not_taken_for_the_real_weights(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGSEARCH_MODELS", str(tiny.parent))
    for weights in load_preset("base").weights.values():
        assert weights.path().exists()
        with pytest.raises(WeightsMismatch, match="pull base"):
            weights.checked_path()


def test_the_seed_decides_the_values(tiny: Path, tmp_path: Path) -> None:
    again = load_preset(str(write_random_weights("base", tmp_path / "same", tiny=True)))
    other = load_preset(str(write_random_weights("base", tmp_path / "other", tiny=True, seed=1)))
    first = load_preset(str(tiny))
    for role, weights in first.weights.items():
        assert again.weights[role].sha256 == weights.sha256
        assert other.weights[role].sha256 != weights.sha256


@pytest.mark.parametrize("name", ["base", "large", "sam2", "huge"])
def test_the_networks_have_just_as_many_values_as_the_published_files(name: str) -> None:
    preset = load_preset(name)
    for role, weights in preset.weights.items():
        with torch.device("meta"):
            tensors = network_of(preset, role).state_dict().values()
        size = sum(4 * tensor.numel() for tensor in tensors if tensor.is_floating_point())
        # the rest is names and shapes
        assert 0 <= weights.size - size < 200_000, role


def test_what_nobody_described_is_told(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        "extends = 'sam2'\nname = 'own'\n[weights.masks]\nsource = 'somebody/sam4'\n"
    )
    with pytest.raises(PresetInvalid, match="random_networks"):
        write_random_weights(str(tmp_path / "own.toml"), tmp_path)


@pytest.mark.parametrize(
    ("name", "patch", "head", "quick"),
    [("base", 16, 64, True), ("large", 14, 64, True), ("huge", 14, 80, False)],
)
def test_a_small_clip_is_of_the_preset_s_family(
    name: str, patch: int, head: int, quick: bool
) -> None:
    config = tiny_clip(load_preset(name))
    vision = config["vision_cfg"]
    assert (vision["patch_size"], 2 * vision["head_width"]) == (patch, head)
    assert config["quick_gelu"] is quick


def test_it_is_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["base", str(tmp_path), "--tiny"]) == 0
    assert load_preset(capsys.readouterr().out.strip()).name == "base-random"
