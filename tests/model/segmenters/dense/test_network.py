from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.errors import WeightsMismatch
from model.segmenters.dense.network import DenseNetwork

CHANNELS = (3, 4, 5, 6)


def network() -> DenseNetwork:
    torch.manual_seed(0)
    return DenseNetwork(CHANNELS, width=8, fine=6, prototypes=4)


def maps() -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    return [
        torch.randn(2, channels, 64 // stride, 96 // stride, generator=random)
        for channels, stride in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    ]


def test_what_was_saved_proposes_the_same(tmp_path: Path) -> None:
    trained = network()
    trained(maps())
    trained.save(tmp_path / "masks.safetensors")
    loaded = DenseNetwork.load(tmp_path / "masks.safetensors")
    for one, other in zip(trained.eval()(maps()), loaded(maps()), strict=True):
        torch.testing.assert_close(one.quality, other.quality, atol=2e-2, rtol=2e-2)
        torch.testing.assert_close(one.windows, other.windows, atol=2e-2, rtol=2e-2)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_other_files_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"no tensors")
    trained = network()
    tensors = {name: value for name, value in trained.state_dict().items() if "head" in name}
    save_file(tensors, tmp_path / "half.safetensors", metadata=trained.shape)
    for name in ("other", "damaged", "half", "missing"):
        with pytest.raises(WeightsMismatch, match="dense segmenter"):
            DenseNetwork.load(tmp_path / f"{name}.safetensors")


def test_the_file_tells_the_side_and_older_ones_mean_448(tmp_path: Path) -> None:
    trained = DenseNetwork(CHANNELS, width=8, fine=6, prototypes=4, side=640)
    trained.save(tmp_path / "masks.safetensors")
    assert DenseNetwork.load(tmp_path / "masks.safetensors").side == 640
    tensors = load_file(tmp_path / "masks.safetensors")
    shape = {key: value for key, value in trained.shape.items() if key != "side"}
    save_file(tensors, tmp_path / "older.safetensors", metadata=shape)
    assert DenseNetwork.load(tmp_path / "older.safetensors").side == 448


def test_what_is_read_to_be_trained_on_has_its_norms(tmp_path: Path) -> None:
    trained = network()
    trained(maps())
    trained.save(tmp_path / "masks.safetensors")
    again = DenseNetwork.read(tmp_path / "masks.safetensors")
    assert all(parameter.requires_grad for parameter in again.parameters())
    assert set(again.state_dict()) == set(trained.state_dict())
