from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model.errors import WeightsMismatch
from model.use.head import SegmentHead


def small() -> SegmentHead:
    torch.manual_seed(0)
    return SegmentHead((3, 4, 5), 8, 6).eval()


def test_rows_are_unit_vectors_and_independent() -> None:
    head, pooled, whole = small(), torch.randn(7, 12), torch.randn(7, 5)
    out = head(pooled, whole)
    torch.testing.assert_close(out.norm(dim=1), torch.ones(7))
    torch.testing.assert_close(head(pooled[2:3], whole[2:3]), out[2:3])
    shared = head(pooled, whole[:1])
    torch.testing.assert_close(shared[0], out[0])


def test_every_level_and_the_photo_count() -> None:
    head, pooled, whole = small(), torch.randn(1, 12), torch.randn(1, 5)
    before = head(pooled, whole)
    for channel in (0, 3, 7):
        changed = pooled.clone()
        changed[0, channel] += 3
        assert not torch.allclose(head(changed, whole), before)
    assert not torch.allclose(head(pooled, whole + torch.randn(1, 5)), before)


def test_a_saved_head_comes_back(tmp_path: Path) -> None:
    head, pooled, whole = small(), torch.randn(4, 12), torch.randn(4, 5)
    head.save(tmp_path / "head.safetensors")
    loaded = SegmentHead.load(tmp_path / "head.safetensors")
    assert not loaded.training
    torch.testing.assert_close(loaded(pooled, whole), head(pooled, whole), atol=5e-3, rtol=0)


def test_another_file_is_told_apart(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"\x00" * 20)
    for name in ("other", "torn", "missing"):
        with pytest.raises(WeightsMismatch, match="segment head"):
            SegmentHead.load(tmp_path / f"{name}.safetensors")
