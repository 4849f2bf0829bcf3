from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.clip_weights import ClipNetwork
from model.errors import PresetInvalid
from model.masks.coverage import coverage
from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.global_local import BATCH, GlobalLocal

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
SHAPES: dict[str, dict[str, Any]] = {
    "vit": {"image_size": 32, "layers": 5, "width": 64, "head_width": 32, "patch_size": 8},
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 32},
}


def network(kind: str) -> ClipNetwork:
    """A CLIP with random weights, small, in float64."""
    import open_clip

    clip = open_clip.CLIP(embed_dim=16, vision_cfg=SHAPES[kind], text_cfg=TEXT).double().eval()
    for value in clip.parameters():
        nn.init.normal_(value, std=0.1)
    mean, deviation = (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)
    device, tokenizer = torch.device("cpu"), open_clip.get_tokenizer("ViT-B-32")
    return ClipNetwork(
        clip.requires_grad_(False), tokenizer, mean, deviation, device, torch.float64
    )


@dataclass
class Scene:
    clip: ClipNetwork
    looks: GlobalLocal
    image: Image
    segments: Segments

    @property
    def pixels(self) -> Tensor:
        return self.looks.whole_pixels(self.image)

    @property
    def cover(self) -> Tensor:
        return coverage(self.segments, self.looks.grid).double()

    @property
    def terms(self) -> int:
        return 20 * terms_of(self.clip.network.visual)


@pytest.fixture(params=["vit", "resnet"])
def scene(request: pytest.FixtureRequest) -> Scene:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    masks = np.zeros((3, 48, 64), np.bool_)
    masks[0, 4:40, 8:50], masks[1, 20:30, 20:60], masks[2] = True, True, True
    clip = network(request.param)
    return Scene(clip, GlobalLocal(clip), Image(pixels, (48, 64)), Segments.from_masks(masks))


def last_map(visual: Any, pixels: Tensor) -> Tensor:
    cells = visual.stem(pixels)
    for number in range(1, 5):
        cells = getattr(visual, f"layer{number}")(cells)
    return torch.as_tensor(cells)


def naive(scene: Scene, cover: Tensor) -> Tensor:
    """f^G of one mask, by the network's own modules."""
    visual = scene.clip.network.visual
    if scene.looks.normalised:
        cells = visual.layer4(
            visual.layer3(visual.layer2(visual.layer1(visual.stem(scene.pixels))))
        )
        for i in range(cells.shape[2]):
            for j in range(cells.shape[3]):
                cell = cells[0, :, i, j]
                cells[0, :, i, j] = cell / cell.norm() * cover[i * cells.shape[3] + j]
        pooled: Tensor = visual.attnpool(cells)[0]
        return pooled
    seen: list[Tensor] = []

    def masked(module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        tokens = inputs[0].clone()
        patches = tokens.shape[1] - 1
        for place in range(patches):
            tokens[:, 1 + place] *= cover[place]
        seen.append(tokens)
        return (tokens, *inputs[1:])

    hooks = [b.register_forward_pre_hook(masked) for b in visual.transformer.resblocks[-3:]]
    found: Tensor = visual(scene.pixels)[0]
    for hook in hooks:
        hook.remove()
    assert len(seen) == 3
    return found


def test_masked_features_are_those_of_the_networks_own_blocks(scene: Scene) -> None:
    found = scene.looks.global_features(scene.pixels, scene.cover)
    for row, cover in zip(found, scene.cover, strict=True):
        assert_close(row, naive(scene, cover), scene.terms)
    assert not torch.allclose(found[0], found[1])


def test_a_full_mask_gives_the_plain_embedding(scene: Scene) -> None:
    full = torch.ones(1, scene.looks.grid[0] * scene.looks.grid[1]).double()
    (found,) = scene.looks.global_features(scene.pixels, full)
    visual = scene.clip.network.visual
    if scene.looks.normalised:  # of cells at length 1
        cells = visual.layer4(
            visual.layer3(visual.layer2(visual.layer1(visual.stem(scene.pixels))))
        )
        plain = visual.attnpool(functional.normalize(cells, dim=1))[0]
    else:
        plain = visual(scene.pixels)[0]
    assert_close(found, plain, scene.terms)


def test_many_masks_at_once_are_as_one_by_one(scene: Scene) -> None:
    torch.manual_seed(2)
    cover = torch.rand(BATCH + 3, scene.looks.grid[0] * scene.looks.grid[1]).double()
    together = scene.looks.global_features(scene.pixels, cover)
    for row, own in zip(together, cover, strict=True):
        assert_close(row, scene.looks.global_features(scene.pixels, own[None])[0], scene.terms)


def test_a_segment_alone_is_its_box_without_the_rest(scene: Scene) -> None:
    clip, image = scene.clip, scene.image
    mean, deviation = (np.array(each)[:, None, None] for each in (clip.mean, clip.deviation))
    expected = (image.pixels.transpose(2, 0, 1) / 255 - mean) / deviation
    masks = scene.segments.masks()
    boxes = [(8, 4, 50, 40), (20, 20, 60, 30), (0, 0, 64, 48)]
    side = clip.network.visual.image_size
    side = side if isinstance(side, int) else side[0]
    released = GlobalLocal(clip, fill="released").local_pixels(image, scene.segments)
    found = scene.looks.local_pixels(image, scene.segments)
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        for shown, fill in ((found, (0, 0, 0)), (released, (0.485, 0.456, 0.406))):
            filled = np.where(masks[number], expected, np.array(fill)[:, None, None])
            crop = torch.from_numpy(filled[:, y0:y1, x0:x1])[None]
            resized = functional.interpolate(
                crop, size=(side, side), mode="bicubic", antialias=True, align_corners=False
            )
            assert_close(shown[number], resized[0], 64 * 64)


@pytest.mark.parametrize("alpha", [0.0, 0.85, 1.0])
def test_both_are_mixed(scene: Scene, alpha: float) -> None:
    seen = scene.looks.global_features(scene.pixels, scene.cover)
    alone = scene.clip.network.visual(scene.looks.local_pixels(scene.image, scene.segments))
    if scene.looks.normalised:
        seen, alone = (each / each.norm(dim=1, keepdim=True) for each in (seen, alone))
    found = GlobalLocal(scene.clip, alpha).features(scene.image, scene.segments)
    assert_close(found, alpha * seen + (1 - alpha) * alone, scene.terms)


def test_texts_are_plain_and_in_lower_case(scene: Scene) -> None:
    found = scene.looks.texts(["A Red DOOR", "bus"])
    expected = scene.clip.network.encode_text(scene.clip.tokenizer(["a red door", "bus"]))
    if scene.looks.normalised:
        expected = expected / expected.norm(dim=1, keepdim=True)
    assert_close(found, expected, scene.terms)


def test_no_segments_have_no_features(scene: Scene) -> None:
    none = Segments.empty((48, 64))
    assert scene.looks.local_pixels(scene.image, none).shape[0] == 0


def test_an_attention_pool_is_refused() -> None:
    import open_clip

    vision = {**SHAPES["vit"], "attentional_pool": True, "attn_pooler_heads": 2}
    clip = open_clip.CLIP(embed_dim=16, vision_cfg=vision, text_cfg=TEXT)
    one = (1.0, 1.0, 1.0)
    with pytest.raises(PresetInvalid):
        GlobalLocal(ClipNetwork(clip, None, one, one, torch.device("cpu"), torch.float32))
