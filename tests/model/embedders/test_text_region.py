"""R1 against a loop over masks, written from the equations (papers.md §E)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

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


def naive(vision: ClassTokenVision, values: Tensor, masks: Tensor, threshold: float) -> Tensor:
    block, network = vision.blocks[-1], vision._network
    dropped = [naive_belonging(values, masks, p) < threshold for p in range(len(values))]
    rows = []
    for mask in masks:
        kept = [p for p in range(len(values)) if mask[p] > 0 and not dropped[p]]
        total = torch.zeros(values.shape[1])
        for p in kept or mask.nonzero()[:, 0].tolist():
            total += mask[p] * values[p]
        u = block.attn.out_proj.weight @ total + block.attn.out_proj.bias
        z = u + block.mlp(block.ln_2(u))
        rows.append(network.ln_post(z) @ network.proj)
    return torch.stack(rows)


@pytest.mark.parametrize("threshold", [-1.0, 0.005, 0.07])
def test_it_is_the_loop_over_masks(tower: ClipTower, view: ClipView, threshold: float) -> None:
    assert isinstance(tower.vision, ClassTokenVision)
    masks = soft_masks(9, 48)
    found = text_region(tower.vision, view.values, masks, threshold)
    expected = naive(tower.vision, view.values, masks, threshold)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_belonging_is_the_loop_over_patches_and_masks(view: ClipView) -> None:
    masks = soft_masks(5, 48)
    expected = [naive_belonging(view.values, masks, patch) for patch in range(48)]
    found = belonging(view.values, masks)
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-5, rtol=1e-4)


def test_patches_that_are_like_all_masks_do_not_count(tower: ClipTower, view: ClipView) -> None:
    values = torch.zeros(4, 64)
    values[0, 0] = values[1, 1] = 1  # two things …
    values[2, :2] = values[3, :2] = 1  # … and in each a patch that looks like both
    masks = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 1]])
    torch.testing.assert_close(belonging(values, masks)[2:], torch.zeros(2), atol=1e-6, rtol=0)
    cleaned = masks.clone()
    cleaned[:, 2:] = 0
    torch.testing.assert_close(
        text_region(tower.vision, values, masks),
        text_region(tower.vision, values, cleaned, threshold=-1),
    )


def test_a_mask_of_nothing_else_keeps_its_patches(tower: ClipTower, view: ClipView) -> None:
    alike = torch.ones(48, 64)
    masks = soft_masks(3, 48)
    found = text_region(tower.vision, alike, masks)
    assert found.isfinite().all()
    torch.testing.assert_close(found, text_region(tower.vision, alike, masks, threshold=-1))
