import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from closeness import assert_close, terms_of
from safetensors.torch import load_file, save_file
from timm.models.vision_transformer import VisionTransformer
from torch.nn import functional

from model import Image
from model.encoders.clip_tower import ClipTower, middle_blocks
from model.encoders.clip_vision import AttentionPoolVision, ClassTokenVision, vision_of
from model.encoders.clip_weights import ClipNetwork, load_clip
from model.errors import PresetInvalid


def photo(height: int = 48, width: int = 64) -> Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Image(pixels, (height, width))


def as_open_clip_sees(image: Image, clip: ClipNetwork) -> torch.Tensor:
    scaled = torch.from_numpy(image.pixels).permute(2, 0, 1)[None] / 255
    mean, deviation = torch.tensor(clip.mean), torch.tensor(clip.deviation)
    return (scaled - mean[:, None, None]) / deviation[:, None, None]


@pytest.fixture(scope="module")
def clip(tiny_towers: Path) -> ClipNetwork:
    return load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))


def resized(folder: Path, size: tuple[int, int]) -> Any:
    """open_clip's own network for an input of that size, loaded by open_clip."""
    shape = json.loads((folder / "clip.json").read_text())
    shape["vision_cfg"]["image_size"] = size
    network = open_clip.CLIP(**shape)
    open_clip.load_checkpoint(network, str(folder / "clip.safetensors"))
    return network.eval()


# in float64 a mistake is told from rounding; what the tower gives is float32 all the same
PRECISIONS = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def terms(network: Any, dtype: torch.dtype) -> int:
    """Of all that the image side adds up; in float64, the one rounding to float32 at its end."""
    return terms_of(network.visual) if dtype == torch.float32 else 1


@PRECISIONS
@pytest.mark.parametrize("size", [(32, 32), (48, 64), (64, 40)])
def test_it_sees_what_open_clip_sees(
    size: tuple[int, int], dtype: torch.dtype, tiny_towers: Path
) -> None:
    image = photo(*size)
    weights, architecture = tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json")
    clip = load_clip(weights, architecture, dtype=dtype)
    view = ClipTower(clip, max(size)).look(image, levels=(2, 6))
    network = resized(tiny_towers, size).to(dtype)
    with torch.no_grad():
        seen = network.visual.forward_intermediates(
            as_open_clip_sees(image, clip).to(dtype), indices=[1, 5], output_fmt="NLC"
        )
    assert view.grid == (size[0] // 8, size[1] // 8)
    assert_close(view.whole, seen["image_features"][0], terms(network, dtype))
    for level, expected in zip((2, 6), seen["image_intermediates"], strict=True):
        assert_close(view.levels[level], expected[0], terms(network, dtype))


def test_the_last_values_are_those_of_the_last_attention(clip: ClipNetwork) -> None:
    tower = ClipTower(clip, 64)
    vision = tower.vision
    assert isinstance(vision, ClassTokenVision)
    view = tower.look(photo())
    last = clip.network.visual.transformer.resblocks[-1]
    tokens = view.states[-2]
    with torch.inference_mode():
        normal = last.ln_1(tokens)
        # attention to itself alone mixes nothing: what comes out is W_o V + b_o
        alone = torch.full((tokens.shape[1], tokens.shape[1]), -torch.inf).fill_diagonal_(0)
        expected = last.attention(normal, attn_mask=alone)[0, 1:]
        assert_close(vision.mixed(view.values), expected, terms_of(last))
        # and, with the rest of the block and the residual stream, the block's own output
        block = tokens[0, 1:] + vision.mixed(view.values)
        own = last(tokens, attn_mask=alone)[0, 1:]
        assert_close(block + last.mlp(last.ln_2(block)), own, terms_of(last))


@pytest.mark.parametrize(
    ("depth", "zero_based"),
    [(12, range(5, 10)), (24, range(10, 22)), (32, range(2, 30)), (6, range(2, 4))],
)
def test_the_middle_blocks_are_the_paper_s(depth: int, zero_based: range) -> None:
    assert list(middle_blocks(depth)) == [number + 1 for number in zero_based]


def test_the_middle_is_the_values_of_the_mean_of_its_blocks(clip: ClipNetwork) -> None:
    tower = ClipTower(clip, 64)
    view = tower.look(photo(), levels=(3, 4), middle=True)
    mean = (view.levels[3] + view.levels[4]) / 2
    assert isinstance(tower.vision, ClassTokenVision)
    with torch.inference_mode():
        assert_close(view.middle, tower.vision.values_of(mean), terms_of(tower.vision.blocks[-1]))


def test_tiles_make_the_maps_finer(clip: ClipNetwork) -> None:
    view = ClipTower(clip, 64, tiles=128).look(photo(), levels=(6,))
    assert view.grid == (12, 16)
    assert view.first_grid == (6, 8)
    assert view.values.shape == (192, 64)
    assert view.states[0].shape == (1, 49, 64)


def test_half_precision_sees_nearly_the_same(tiny_towers: Path, clip: ClipNetwork) -> None:
    half = load_clip(
        tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"), dtype=torch.bfloat16
    )
    exact, rough = (ClipTower(each, 64).look(photo()).whole for each in (clip, half))
    assert rough.dtype == torch.float32
    assert functional.cosine_similarity(exact, rough, dim=0) > 0.99


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> ClipNetwork:
    """A small SigLIP, built by open_clip around timm, saved and loaded by its files."""

    def small_siglip(num_classes: int, global_pool: str, **_: Any) -> VisionTransformer:
        return VisionTransformer(
            img_size=32, patch_size=8, embed_dim=48, depth=3, num_heads=3, class_token=False,
            num_classes=num_classes, global_pool=global_pool,
        )  # fmt: skip

    timm.models.register_model(small_siglip)
    folder = tmp_path_factory.mktemp("siglip")
    shape = {
        "embed_dim": 48,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 32, "timm_model_name": "small_siglip", "timm_pool": "map",
            "timm_proj": "none",
        },
        "text_cfg": {
            "context_length": 16, "vocab_size": 49408, "width": 48, "heads": 3, "layers": 2,
            "no_causal_mask": True, "proj_bias": True, "pool_type": "last",
        },
    }  # fmt: skip
    (folder / "siglip.json").write_text(json.dumps(shape))
    torch.manual_seed(0)
    network = open_clip.CustomTextCLIP(**{k: v for k, v in shape.items() if k != "custom_text"})  # type: ignore[arg-type]
    for value in network.visual.parameters():
        torch.nn.init.normal_(value, std=0.2)
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(tensors, folder / "siglip.safetensors")
    return load_clip(folder / "siglip.safetensors", str(folder / "siglip.json"))


@pytest.mark.parametrize("size", [(32, 32), (48, 64)])
def test_it_sees_what_siglip_sees(size: tuple[int, int], siglip: ClipNetwork) -> None:
    view = ClipTower(siglip, max(size)).look(photo(*size), levels=(3,))
    trunk = siglip.network.visual.trunk
    trunk.set_input_size(size) if size != (32, 32) else None
    try:
        with torch.no_grad():
            pixels = as_open_clip_sees(photo(*size), siglip)
            expected = siglip.network.encode_image(pixels)[0]
            last = trunk.forward_intermediates(pixels, indices=[2], output_fmt="NLC")[1][0]
    finally:
        trunk.set_input_size((32, 32)) if size != (32, 32) else None
    assert_close(view.whole, expected, terms_of(siglip.network.visual))
    assert_close(view.levels[3], last[0], terms_of(siglip.network.visual))


def test_siglip_s_regions_are_its_pool_with_even_attention(siglip: ClipNetwork) -> None:
    tower = ClipTower(siglip, 64)
    assert isinstance(tower.vision, AttentionPoolVision)
    view = tower.look(photo())
    cover = torch.zeros(1, 48)
    cover[0, 5:19] = 1
    found = tower.vision.regions(cover @ view.values, cover.sum(dim=1, keepdim=True))
    trunk = siglip.network.visual.trunk
    pool = trunk.attn_pool
    with torch.inference_mode():
        # keys of zero are alike to every query: timm's own pool then attends evenly
        kept = pool.kv.weight[:48].clone(), pool.kv.bias[:48].clone()
        pool.kv.weight[:48], pool.kv.bias[:48] = 0, 0
        expected = trunk.forward_head(trunk.norm(view.states[-1])[:, 5:19])
        pool.kv.weight[:48], pool.kv.bias[:48] = kept
        alone = tower.vision.regions(cover @ view.values, cover.sum(dim=1, keepdim=True), mlp=False)
        mean = view.values[5:19].mean(dim=0, keepdim=True)
        assert_close(alone, siglip.network.visual.head(pool.proj(mean)), 14 + terms_of(pool))
    assert_close(found, expected, 14 + terms_of(pool))


def test_siglip_s_tiles_and_half_of_the_whole_are_added_before_the_values(
    siglip: ClipNetwork,
) -> None:
    tower = ClipTower(siglip, 64, tiles=128)
    trunk = siglip.network.visual.trunk

    def normal(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        x = trunk.norm(tower.vision.states(pixels)[-1])
        h, w = pixels.shape[2] // 8, pixels.shape[3] // 8
        return {"x": x.reshape(len(x), h, w, -1)}

    with torch.inference_mode():
        ((_, maps),) = tower._looks.maps([photo()], normal, shares={"x": 0.5})
        kv = trunk.attn_pool.kv
        expected = functional.linear(maps["x"].flatten(0, 1), kv.weight[48:], kv.bias[48:])
    found = tower.look(photo()).values
    assert_close(found, expected, terms_of(siglip.network.visual))


def test_an_image_side_of_another_kind_is_refused() -> None:
    with torch.device("meta"):
        network = open_clip.CLIP(
            embed_dim=32,
            vision_cfg={"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},  # type: ignore[arg-type]
            text_cfg={"context_length": 8, "vocab_size": 16, "width": 16, "heads": 2, "layers": 1},  # type: ignore[arg-type]
        )
    with pytest.raises(PresetInvalid, match="ViT-B-16"):
        vision_of(network)


def test_the_weights_are_all_used(tiny_towers: Path, clip: ClipNetwork) -> None:
    tensors = load_file(tiny_towers / "clip.safetensors")
    state = clip.network.state_dict()
    assert set(tensors) == {*state, "logit_scale"}
    assert all(torch.equal(tensors[name], value) for name, value in state.items())
