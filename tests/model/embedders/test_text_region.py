"""R1 against a loop over masks, written from the equations (papers.md §E)."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from torch import Tensor
from torch.nn import functional

from model import Image
from model.embedders.text_region import belonging, text_region
from model.encoders.clip_tower import ClipTower, ClipView
from model.encoders.clip_vision import ClassTokenVision
from model.encoders.clip_weights import load_clip


@pytest.fixture(scope="module")
def tower(tiny_towers: Path) -> ClipTower:
    clip = load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))
    return ClipTower(clip, 64)


@pytest.fixture(scope="module")
def view(tower: ClipTower) -> ClipView:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    return tower.look(Image(pixels, (48, 64)))


def double(tower: ClipTower) -> ClassTokenVision:
    """The same tower in float64, where a mistake is told from rounding."""
    vision = copy.deepcopy(tower.vision)
    assert isinstance(vision, ClassTokenVision)
    vision._network.double()
    return vision


def terms(vision: ClassTokenVision, patches: int = 48) -> int:
    """Of the patches, and of the last block and the projection behind it."""
    return patches + terms_of(vision.blocks[-1]) + len(vision._network.proj)


def soft_masks(count: int, patches: int) -> Tensor:
    torch.manual_seed(2)
    masks = torch.rand(count, patches)
    return torch.where(torch.rand(count, patches) < 0.7, 0, masks)


def cosine(one: Tensor, other: Tensor) -> Tensor:
    return one @ other / (one.norm() * other.norm())


def naive_belonging(values: Tensor, masks: Tensor, patch: int) -> float:
    inside, outside = [], []
    for mask in masks:
        alike = torch.stack([cosine(values[patch], values[q]) for q in mask.nonzero()[:, 0]])
        (inside if mask[patch] > 0 else outside).append(float(alike.mean()))
    return float(np.mean(inside or [0])) - float(np.mean(outside or [0]))


def naive(
    vision: ClassTokenVision,
    values: Tensor,
    masks: Tensor,
    threshold: float,
    among: Tensor | None = None,
    normalise: bool = False,
    mlp: bool = True,
) -> Tensor:
    block, network = vision.blocks[-1], vision._network
    others = masks if among is None else among
    dropped = [
        bool(others[:, p].any()) and naive_belonging(values, others, p) < threshold
        for p in range(len(values))
    ]
    rows = []
    for mask in masks:
        kept = [p for p in range(len(values)) if mask[p] > 0 and not dropped[p]]
        total = torch.zeros(values.shape[1], dtype=values.dtype)
        for p in kept or mask.nonzero()[:, 0].tolist():
            total += mask[p] * (values[p] / values[p].norm() if normalise else values[p])
        u = block.attn.out_proj.weight @ total + block.attn.out_proj.bias
        z = u + block.mlp(block.ln_2(u)) if mlp else u
        rows.append(network.ln_post(z) @ network.proj)
    return torch.stack(rows)


@pytest.mark.parametrize("threshold", [-1.0, 0.005, 0.07])
def test_it_is_the_loop_over_masks(tower: ClipTower, view: ClipView, threshold: float) -> None:
    assert isinstance(tower.vision, ClassTokenVision)
    for vision, values in ((tower.vision, view.values), (double(tower), view.values.double())):
        masks = soft_masks(9, 48).to(values.dtype)
        found = text_region(vision, values, masks, threshold)
        assert_close(found, naive(vision, values, masks, threshold), terms(vision))


@pytest.mark.parametrize(("normalise", "mlp"), [(True, True), (True, False), (False, False)])
def test_values_are_normalised_and_the_mlp_left_out_where_that_is_said(
    tower: ClipTower, view: ClipView, normalise: bool, mlp: bool
) -> None:
    vision, values, masks = double(tower), view.values.double(), soft_masks(9, 48).double()
    found = text_region(vision, values, masks, normalise=normalise, mlp=mlp)
    assert_close(
        found, naive(vision, values, masks, 0.07, normalise=normalise, mlp=mlp), terms(vision)
    )
    plain = functional.normalize(text_region(vision, values, masks), dim=1)
    assert not np.allclose(functional.normalize(found, dim=1), plain, atol=1e-3)


def test_a_vector_among_other_masks_is_the_one_that_it_has_as_one_of_them(
    tower: ClipTower, view: ClipView
) -> None:
    assert isinstance(tower.vision, ClassTokenVision)
    values, masks = view.values, soft_masks(23, 48)
    indexed = text_region(tower.vision, values, masks)
    alone = text_region(tower.vision, values, masks[4:6])
    among = text_region(tower.vision, values, masks[4:6], among=masks)
    assert_close(among, indexed[4:6], terms(tower.vision))
    assert not np.allclose(alone, indexed[4:6], atol=0.1)
    vision = double(tower)
    new = soft_masks(30, 48)[25:].double()
    masks[:, 7] = 0  # a patch that the index knows nothing of is kept
    new[:, 7] = 1
    for threshold in (0.005, 0.07):
        found = text_region(vision, values.double(), new, threshold, masks.double())
        expected = naive(vision, values.double(), new, threshold, masks.double())
        assert_close(found, expected, terms(vision))


def test_belonging_is_the_loop_over_patches_and_masks(view: ClipView) -> None:
    masks = soft_masks(5, 48)
    expected = [naive_belonging(view.values, masks, patch) for patch in range(48)]
    found = belonging(view.values, masks)
    assert_close(found, expected, terms=view.values.shape[1] + 48, scale=1)  # cosines


def test_patches_that_are_like_all_masks_do_not_count(tower: ClipTower, view: ClipView) -> None:
    values = torch.zeros(4, 64)
    values[0, 0] = values[1, 1] = 1  # two things …
    values[2, :2] = values[3, :2] = 1  # … and in each a patch that looks like both
    masks = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 1]])
    assert_close(belonging(values, masks)[2:], torch.zeros(2), terms=64 + 4, scale=1)
    cleaned = masks.clone()
    cleaned[:, 2:] = 0
    assert isinstance(tower.vision, ClassTokenVision)
    assert_close(
        text_region(tower.vision, values, masks),
        text_region(tower.vision, values, cleaned, threshold=-1),
        terms(tower.vision, patches=4),
    )


def test_a_mask_of_nothing_else_keeps_its_patches(tower: ClipTower, view: ClipView) -> None:
    alike = torch.ones(48, 64)
    masks = soft_masks(3, 48)
    found = text_region(tower.vision, alike, masks)
    assert found.isfinite().all()
    assert isinstance(tower.vision, ClassTokenVision)
    every = text_region(tower.vision, alike, masks, threshold=-1)
    assert_close(found, every, terms(tower.vision))
