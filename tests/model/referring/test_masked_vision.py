from dataclasses import dataclass
from typing import Any

import pytest
import torch
from closeness import assert_close, terms_of
from tiny_clips import KINDS, noise_with_segments, tiny_clip
from torch import Tensor
from torch.nn import functional

from model.encoders.clip_weights import ClipNetwork
from model.errors import PresetInvalid
from model.masks.coverage import coverage
from model.referring.global_local import GlobalLocal
from model.referring.masked_vision import MaskedVision, masked_vision
from model.referring.segment_pictures import SegmentPictures


@dataclass
class Scene:
    kind: str
    clip: ClipNetwork
    masked: MaskedVision
    pixels: Tensor
    cover: Tensor

    @property
    def terms(self) -> int:
        return 20 * terms_of(self.clip.network.visual)

    @property
    def visual(self) -> Any:
        return self.clip.network.visual


@pytest.fixture(params=KINDS)
def scene(request: pytest.FixtureRequest) -> Scene:
    return scene_of(request.param, torch.float64)


def scene_of(kind: str, dtype: torch.dtype) -> Scene:
    clip, (image, segments) = tiny_clip(kind, dtype), noise_with_segments()
    cover = coverage(segments, GlobalLocal(clip).grid).to(dtype)
    pixels = SegmentPictures(clip).whole(image)
    return Scene(kind, clip, masked_vision(clip, 3), pixels, cover)


def last_map(visual: Any, pixels: Tensor) -> Tensor:
    cells = visual.stem(pixels)
    for number in range(1, 5):
        cells = getattr(visual, f"layer{number}")(cells)
    return torch.as_tensor(cells)


def naive(scene: Scene, pixels: Tensor, cover: Tensor) -> Tensor:
    """f^G of one mask, by the network's own modules."""
    visual = scene.visual
    if scene.kind == "resnet":
        cells = last_map(visual, pixels)
        for i in range(cells.shape[2]):
            for j in range(cells.shape[3]):
                cell = cells[0, :, i, j]
                cells[0, :, i, j] = cell / cell.norm() * cover[i * cells.shape[3] + j]
        pooled: Tensor = visual.attnpool(cells)[0]
        return pooled
    if scene.kind == "siglip":  # the pool's answer, were its attention even over the mask
        trunk = visual.trunk
        patches = trunk.forward_features(pixels)[0]
        pool, width = trunk.attn_pool, patches.shape[1]
        total = torch.zeros_like(patches[0])
        for patch, share in zip(patches, cover, strict=True):
            total += share * (pool.kv.weight[width:] @ patch + pool.kv.bias[width:])
        mean = pool.proj(total / cover.sum())
        answer: Tensor = mean + pool.mlp(pool.norm(mean))
        return answer
    seen: list[Tensor] = []

    def masked(module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        tokens = inputs[0].clone()
        for place in range(tokens.shape[1] - 1):
            tokens[:, 1 + place] *= cover[place]
        seen.append(tokens)
        return (tokens, *inputs[1:])

    hooks = [b.register_forward_pre_hook(masked) for b in visual.transformer.resblocks[-3:]]
    found: Tensor = visual(pixels)[0]
    for hook in hooks:
        hook.remove()
    assert len(seen) == 3
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_masked_features_are_those_of_the_networks_own_modules(
    kind: str, dtype: torch.dtype
) -> None:
    scene = scene_of(kind, dtype)
    found = scene.masked.features(scene.pixels, scene.cover)
    for row, cover in zip(found, scene.cover, strict=True):
        assert_close(row, naive(scene, scene.pixels, cover), scene.terms)
    assert not torch.allclose(found[0], found[1])


def test_each_mask_may_have_its_own_picture(scene: Scene) -> None:
    torch.manual_seed(3)
    pictures = torch.cat([scene.pixels, scene.pixels + 1, torch.randn_like(scene.pixels)])
    found = scene.masked.features(pictures, scene.cover)
    for row, picture, cover in zip(found, pictures, scene.cover, strict=True):
        assert_close(row, naive(scene, picture[None], cover), scene.terms)


def test_a_full_mask_gives_the_plain_embedding(scene: Scene) -> None:
    full = torch.ones_like(scene.cover[:1])
    (found,) = scene.masked.features(scene.pixels, full)
    if scene.kind == "vit":
        plain = scene.visual(scene.pixels)[0]
    elif scene.kind == "resnet":  # of cells at length 1
        cells = functional.normalize(last_map(scene.visual, scene.pixels), dim=1)
        plain = scene.visual.attnpool(cells)[0]
    else:  # were all patches alike to the pool
        pool = scene.visual.trunk.attn_pool
        width = pool.kv.weight.shape[1]
        kept = pool.kv.weight[:width].clone(), pool.kv.bias[:width].clone()
        pool.kv.weight[:width], pool.kv.bias[:width] = 0, 0
        plain = scene.visual(scene.pixels)[0]
        pool.kv.weight[:width], pool.kv.bias[:width] = kept
    assert_close(found, plain, scene.terms)


def test_many_masks_at_once_are_as_one_by_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.referring.masked_vision.BATCH", 3)
    torch.manual_seed(2)
    cover = torch.rand(5, scene.cover.shape[1]).to(scene.cover)
    together = scene.masked.features(scene.pixels, cover)
    for row, own in zip(together, cover, strict=True):
        assert_close(row, scene.masked.features(scene.pixels, own[None])[0], scene.terms)
    assert scene.masked.features(scene.pixels, cover[:0]).shape == (0, 16)


def test_all_blocks_may_be_the_last() -> None:
    clip, (image, segments) = tiny_clip("vit"), noise_with_segments()
    pixels = SegmentPictures(clip).whole(image)
    cover = coverage(segments, (4, 4)).double()
    five, nine = (masked_vision(clip, last).features(pixels, cover) for last in (5, 9))
    assert torch.equal(five, nine)


def test_another_pool_is_refused() -> None:
    with pytest.raises(PresetInvalid):
        GlobalLocal(tiny_clip("vit", attentional_pool=True, attn_pooler_heads=2))
