"""R2 against a loop over masks and patches, written from the equations (papers.md §E)."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from torch import Tensor
from torch.nn import functional

from model import Image, Segments
from model.embedders import corr_clip as module
from model.embedders.corr_clip import class_copies, corr_clip
from model.encoders.clip_tower import ClipTower, ClipView
from model.encoders.clip_vision import ClassTokenVision
from model.encoders.clip_weights import load_clip
from model.encoders.dino_tower import DinoTower, DinoView
from model.errors import PresetInvalid
from model.masks.coverage import coverage, members


@pytest.fixture(scope="module")
def vision(tiny_towers: Path) -> ClassTokenVision:
    clip = load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))
    found = ClipTower(clip, 64).vision
    assert isinstance(found, ClassTokenVision)
    return found


def photo() -> Image:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    return Image(pixels, (48, 64))


@pytest.fixture(scope="module")
def views(tiny_towers: Path) -> tuple[ClipView, DinoView]:
    clip = load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))
    tower = ClipTower(clip, 64)
    return tower.look(photo(), middle=True), DinoTower(tiny_towers / "dino", 84).look(photo())


def double(vision: ClassTokenVision) -> ClassTokenVision:
    """The same tower in float64, where a mistake is told from rounding."""
    made = copy.deepcopy(vision)
    made._network.double()
    return made


def doubled(views: tuple[ClipView, DinoView]) -> tuple[ClipView, DinoView]:
    clip, dino = views
    assert clip.middle is not None
    return replace(
        clip,
        values=clip.values.double(),
        middle=clip.middle.double(),
        states=[state.double() for state in clip.states],
    ), replace(dino, features=dino.features.double())


def terms(vision: ClassTokenVision, patches: int = 4 * 48) -> int:
    """Of the patches, of the class token's copies through all blocks, and of the projection."""
    return patches + terms_of(*vision.blocks) + len(vision._network.proj)


def segments() -> Segments:
    """Large, small, overlapping, smaller than any cell, and the whole photo."""
    masks = np.zeros((6, 48, 64), np.bool_)
    masks[0, 4:40, 8:50] = True
    masks[1, 20:30, 20:60] = True
    masks[2, 1:3, 1:3] = True
    masks[3, ::2, ::5] = True
    masks[4, 30:46, 2:20] = True
    masks[5] = True
    return Segments.from_masks(masks)


def bilinear(values: Tensor, grid: tuple[int, int], wanted: tuple[int, int]) -> Tensor:
    laid = values.T.reshape(1, -1, *grid)
    return functional.interpolate(laid, wanted, mode="bilinear")[0].flatten(1).T


def naive(vision: ClassTokenVision, clip: ClipView, dino: DinoView) -> Tensor:
    network: Any = vision._network
    attention = vision.blocks[-1].attn
    grid = (2 * clip.grid[0], 2 * clip.grid[1])
    g = functional.normalize(bilinear(dino.features, dino.grid, grid), dim=1)
    assert clip.middle is not None
    value = bilinear(clip.values, clip.grid, grid)
    spread = bilinear(clip.middle, clip.grid, grid)
    inside = members(coverage(segments(), grid))
    copies = naive_copies(vision, clip, members(coverage(segments(), clip.first_grid)))
    rows = []
    for mask, sem in zip(inside, copies, strict=True):
        patches = mask.nonzero()[:, 0].tolist()
        total = torch.zeros(network.proj.shape[1], dtype=value.dtype)
        for p in patches:
            shares = torch.softmax(torch.stack([4 * g[p] @ g[q] for q in patches]), dim=0)
            main, spat = (
                attention.out_proj.weight
                @ sum(a * v[q] for a, q in zip(shares, patches, strict=True))
                + attention.out_proj.bias
                for v in (value, spread)
            )
            normal = [network.ln_post(part) for part in (main, spat, sem)]
            total += (normal[0] + normal[1] + 0.5 * normal[2]) @ network.proj
        rows.append(total / len(patches))
    return torch.stack(rows)


def naive_copies(vision: ClassTokenVision, clip: ClipView, inside: Tensor) -> list[Tensor]:
    copies = []
    for mask in inside:
        chosen = torch.cat([torch.tensor([0]), 1 + mask.nonzero()[:, 0]])
        token = clip.states[0][0, :1]
        for block, state in zip(vision.blocks, clip.states, strict=False):
            seen = block.ln_1(state[0, chosen])
            query, heads = block.ln_1(token), block.attn.num_heads
            q_w, k_w, v_w = block.attn.in_proj_weight.chunk(3)
            q_b, k_b, v_b = block.attn.in_proj_bias.chunk(3)
            q, k, v = query @ q_w.T + q_b, seen @ k_w.T + k_b, seen @ v_w.T + v_b
            size = q.shape[1] // heads
            mixed = []
            for head in range(heads):
                part = slice(head * size, (head + 1) * size)
                shares = torch.softmax(q[:, part] @ k[:, part].T / size**0.5, dim=1)
                mixed.append(shares @ v[:, part])
            token = token + block.attn.out_proj(torch.cat(mixed, dim=1))
            token = token + block.mlp(block.ln_2(token))
        copies.append(token[0])
    return copies


@torch.inference_mode()
def test_it_is_the_loop_over_masks_and_patches(
    vision: ClassTokenVision, views: tuple[ClipView, DinoView]
) -> None:
    for tower, seen in ((vision, views), (double(vision), doubled(views))):
        found = corr_clip(tower, *seen, segments())
        assert_close(found, naive(tower, *seen), terms(tower))


@torch.inference_mode()
def test_tables_are_made_in_parts_where_they_are_large(
    vision: ClassTokenVision, views: tuple[ClipView, DinoView], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = corr_clip(vision, *views, segments())
    monkeypatch.setattr(module, "CELLS", 500)
    in_parts = corr_clip(vision, *views, segments())
    assert_close(in_parts, at_once, terms(vision))


@torch.inference_mode()
def test_a_copy_that_attends_to_all_is_the_class_token(
    vision: ClassTokenVision, views: tuple[ClipView, DinoView]
) -> None:
    clip = views[0]
    copies = class_copies(vision, clip.states, torch.ones(2, 48, dtype=torch.bool))
    for copied in copies:
        assert_close(copied, clip.states[-1][0, 0], terms_of(*vision.blocks))


@torch.inference_mode()
def test_what_other_masks_cover_changes_nothing(
    vision: ClassTokenVision, views: tuple[ClipView, DinoView]
) -> None:
    together = corr_clip(vision, *views, segments())
    alone = corr_clip(vision, *views, segments()[1:2])
    assert_close(alone[0], together[1], terms(vision))


def test_without_the_middle_blocks_or_a_class_token_it_is_refused(
    vision: ClassTokenVision, views: tuple[ClipView, DinoView]
) -> None:
    clip = replace(views[0], middle=None)
    with pytest.raises(PresetInvalid, match="class token"):
        corr_clip(vision, clip, views[1], segments())


def test_members_are_the_cells_that_are_half_covered_or_else_the_most_covered() -> None:
    cover = torch.tensor([[1.0, 0.5, 0.49, 0.0], [0.1, 0.3, 0.3, 0.0]])
    assert members(cover).tolist() == [[True, True, False, False], [False, True, True, False]]
