import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from safetensors.torch import load_file, save_file
from transformers import Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from model import Image
from model.encoders.dino_tower import DEVIATION, MEAN, DinoTower
from model.errors import WeightsMismatch


def photo(height: int, width: int) -> Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Image(pixels, (height, width))


def as_published(image: Image) -> torch.Tensor:
    scaled = torch.from_numpy(image.pixels).permute(2, 0, 1)[None] / 255
    return (scaled - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]


# in float64 a mistake is told from rounding; what the tower gives is float32 all the same
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(56, 56), (56, 84), (70, 42)])
def test_it_sees_what_transformers_sees(
    size: tuple[int, int], dtype: torch.dtype, tiny_towers: Path
) -> None:
    tower = DinoTower(tiny_towers / "dino", max(size), dtype=dtype)
    view = tower.look(photo(*size), levels=(1, 3))
    network = Dinov2Model.from_pretrained(tiny_towers / "dino").to(dtype)
    terms = terms_of(network) if dtype == torch.float32 else 1
    with torch.no_grad():
        seen = network(as_published(photo(*size)).to(dtype), output_hidden_states=True)
    assert view.grid == (size[0] // 14, size[1] // 14)
    assert_close(view.features, seen.last_hidden_state[0, 1:], terms)
    for level in (1, 3):
        expected = seen.hidden_states[level][0, 1:]
        assert_close(view.levels[level], expected, terms)


def test_registers_are_no_patches(tmp_path: Path) -> None:
    shape = Dinov2WithRegistersConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14,
        num_register_tokens=4,
    )  # fmt: skip
    torch.manual_seed(0)
    network = Dinov2WithRegistersModel(shape).eval()
    network.save_pretrained(tmp_path)
    view = DinoTower(tmp_path, 84).look(photo(56, 84))
    with torch.no_grad():
        expected = network(as_published(photo(56, 84))).last_hidden_state[0, 5:]
    assert_close(view.features, expected, terms_of(network))


def test_a_file_names_its_folder_and_the_format_is_the_published_one(tiny_towers: Path) -> None:
    file = tiny_towers / "dino" / "model.safetensors"
    assert "encoder.layer.0.attention.attention.query.weight" in load_file(file)
    assert DinoTower(file, 56).width == 48


def test_tiles_make_the_maps_finer(tiny_towers: Path) -> None:
    view = DinoTower(tiny_towers / "dino", 56, tiles=112).look(photo(56, 84))
    assert view.grid == (5, 8)
    assert view.features.shape == (40, 48)


def test_half_precision_sees_nearly_the_same(tiny_towers: Path) -> None:
    exact = DinoTower(tiny_towers / "dino", 84).look(photo(56, 84)).features
    rough = DinoTower(tiny_towers / "dino", 84, dtype=torch.bfloat16).look(photo(56, 84)).features
    assert torch.nn.functional.cosine_similarity(exact, rough).min() > 0.99


def test_a_folder_without_a_dinov2_is_refused(tiny_towers: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match=r"config\.json"):
        DinoTower(tmp_path)
    shutil.copytree(tiny_towers / "dino", tmp_path, dirs_exist_ok=True)
    told = json.loads((tmp_path / "config.json").read_text())
    for change in ({"model_type": "bert"}, {"hidden_size": 64}, {"num_hidden_layers": 4}):
        (tmp_path / "config.json").write_text(json.dumps(told | change))
        with pytest.raises(WeightsMismatch):
            DinoTower(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(told))
    tensors = load_file(tmp_path / "model.safetensors")
    tensors.pop("layernorm.weight")
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsMismatch, match="lacks 1 tensors"):
        DinoTower(tmp_path)
