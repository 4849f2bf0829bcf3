from pathlib import Path

import pytest
import torch
from closeness import assert_close, assert_unit, terms_of
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from model.embedders.geometry import PLACES
from model.embedders.head import SegmentHead
from model.errors import WeightsMismatch


def small(members: int = 1) -> SegmentHead:
    torch.manual_seed(0)
    return SegmentHead((3, 4, 5), 8, 6, classes=7, members=members).eval()


TERMS = terms_of(small())


def seen(rows: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pooled features, global features, places and class scores."""
    return (
        torch.randn(rows, 12),
        torch.randn(rows, 5),
        torch.rand(rows, PLACES),
        torch.randn(rows, 7),
    )


def test_rows_are_unit_vectors_and_independent() -> None:
    head, inputs = small(), seen(7)
    out = head(*inputs)
    assert_unit(out)
    assert_close(head(*(part[2:3] for part in inputs)), out[2:3], TERMS)
    pooled, whole, places, scores = inputs
    assert_close(head(pooled, whole[:1], places, scores)[0], out[0], TERMS)


@pytest.mark.parametrize(("part", "channel"), [(0, 0), (0, 3), (0, 7), (1, 2), (2, 5), (3, 1)])
def test_every_level_the_photo_the_place_and_the_classes_count(part: int, channel: int) -> None:
    head, inputs = small(), list(seen(1))
    before = head(*inputs)
    inputs[part] = inputs[part].clone()
    inputs[part][0, channel] += 3
    assert not torch.allclose(head(*inputs), before)


def test_a_sure_classifier_draws_towards_the_name_of_its_class() -> None:
    head, (pooled, whole, places, scores) = small(), seen(4)
    certain, excluded = scores.clone(), scores.clone()
    certain[:, 2], excluded[:, 2] = 50, -50
    drawn, other = (head(pooled, whole, places, s) @ head.names[2] for s in (certain, excluded))
    assert (drawn > other).all()


def test_masks_in_doubt_are_drawn_away_from_what_texts_have_in_common() -> None:
    head, (pooled, whole, places, scores) = small(), seen(3)
    places[:, -1] = torch.tensor([0.9, 0.3, 0.0])  # the last is the whole photo
    before = head(pooled, whole, places, scores)
    common = torch.nn.functional.normalize(torch.randn(6), dim=0)
    head.common.copy_(0.5 * common)
    after = head(pooled, whole, places, scores)
    doubt = torch.tensor([[0.1], [0.7], [0.5]])
    expected = torch.nn.functional.normalize(before - doubt * 0.5 * common, dim=1)
    assert_close(after, expected, TERMS)


def test_texts_are_themselves_before_training() -> None:
    rows = torch.nn.functional.normalize(torch.randn(3, 6), dim=1)
    assert_close(small().texts(rows), rows, terms=3 * 6)


def test_several_members_mean_the_mean_of_what_each_says() -> None:
    several, inputs = small(3), seen(5)
    said = several.by_member(*inputs)
    assert said.shape == (3, 5, 6)
    assert not torch.allclose(said[0], said[1])
    assert_close(several(*inputs), torch.nn.functional.normalize(said.mean(dim=0), dim=1), TERMS)
    for number, rows in enumerate(said):
        alone = small()
        alone.load_state_dict(
            several.state_dict()
            | {
                name.replace(f"members.{number}.", "members.0."): values
                for name, values in several.state_dict().items()
                if name.startswith(f"members.{number}.")
            },
            strict=False,
        )
        assert_close(alone(*inputs), rows, TERMS)


@pytest.mark.parametrize("members", [1, 3])
def test_a_saved_head_comes_back(tmp_path: Path, members: int) -> None:
    head, inputs = small(members), seen(4)
    head.save(tmp_path / "head.safetensors")
    loaded = SegmentHead.load(tmp_path / "head.safetensors")
    assert not loaded.training
    torch.testing.assert_close(loaded(*inputs), head(*inputs), atol=2e-2, rtol=0)  # bytes are kept


def test_a_file_from_before_there_were_members_holds_one(tmp_path: Path) -> None:
    head, inputs = small(), seen(4)
    head.save(tmp_path / "head.safetensors")
    with safe_open(tmp_path / "head.safetensors", framework="pt") as file:
        shape = file.metadata()
        tensors = {
            name.removeprefix("members.0."): file.get_tensor(name)
            for name in file.keys()  # noqa: SIM118
        }
    del shape["members"]
    tensors["scale"] = tensors.pop("scales")
    save_file(tensors, tmp_path / "old.safetensors", metadata=shape)
    now, before = (SegmentHead.load(tmp_path / f"{n}.safetensors") for n in ("head", "old"))
    torch.testing.assert_close(before(*inputs), now(*inputs), atol=0, rtol=0)


@pytest.mark.parametrize("told", ["2", "0", "1000000000", "x"])
def test_a_wrong_number_of_members_is_told(tmp_path: Path, told: str) -> None:
    small().save(tmp_path / "head.safetensors")
    with safe_open(tmp_path / "head.safetensors", framework="pt") as file:
        shape = file.metadata() | {"members": told}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, tmp_path / "wrong.safetensors", metadata=shape)
    with pytest.raises(WeightsMismatch, match="segment head"):
        SegmentHead.load(tmp_path / "wrong.safetensors")


def test_another_file_is_told_apart(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"\x00" * 20)
    for name in ("other", "torn", "missing"):
        with pytest.raises(WeightsMismatch, match="segment head"):
            SegmentHead.load(tmp_path / f"{name}.safetensors")
