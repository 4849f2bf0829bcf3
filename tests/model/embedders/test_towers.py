from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close
from torch.nn import functional

from model import Image, Segments, load_preset
from model.embedders.corr_clip import corr_clip
from model.embedders.residual_head import HeadShape, ResidualHead
from model.embedders.text_region import text_region
from model.embedders.towers import TowersEmbedder
from model.encoders.clip_tower import ClipTower
from model.encoders.clip_weights import load_clip
from model.encoders.dino_tower import DinoTower
from model.encoders.tiling import enlarged
from model.errors import PresetInvalid, WeightsMismatch
from model.masks.coverage import coverage
from model.presets.preset import Preset


def photo() -> Image:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    return Image(pixels, (48, 64))


def segments() -> Segments:
    masks = np.zeros((3, 48, 64), np.bool_)
    masks[0, 4:40, 8:50] = True
    masks[1, 20:30, 20:60] = True
    masks[2] = True
    return Segments.from_masks(masks)


# CLIP's six blocks of width 64, its 48 patches and its projection; DINOv2's three of width 48
TERMS = 6 * (4 * 64 + 4 * 64 + 49) + 48 + 32 + 3 * (4 * 48 + 4 * 48 + 36)


@pytest.fixture(scope="module")
def preset(tiny_towers: Path) -> Preset:
    return load_preset(str(tiny_towers / "towers.toml"))


def built(preset: Preset, **changes: object) -> TowersEmbedder:
    embedder = replace(preset, embedder={**preset.embedder, **changes}).build_embedder()
    assert isinstance(embedder, TowersEmbedder)
    return embedder


def saved_head(preset: Preset, path: Path, trained: bool, **changes: object) -> Path:
    torch.manual_seed(3)
    shape = HeadShape((3, 6), (3,), 64, 48, 32, 16, preset.space.fingerprint)
    head = ResidualHead(replace(shape, **changes))  # type: ignore[arg-type]
    if trained:
        torch.nn.init.normal_(head.residual.weight, std=0.1)
    head.save(path)
    return path


def test_before_training_it_is_text_region(preset: Preset, tiny_towers: Path) -> None:
    clip = load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))
    tower = ClipTower(clip, 64)
    view = tower.look(photo())
    expected = functional.normalize(
        text_region(tower.vision, view.values, coverage(segments(), view.grid)), dim=1
    )
    found = built(preset).embed_segments(photo(), segments())
    assert found.space == preset.space
    assert_close(found.vectors, expected, TERMS, scale=1)


def test_a_preset_says_whether_values_are_normalised_and_the_mlp_takes_part(
    preset: Preset, tiny_towers: Path
) -> None:
    clip = load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))
    tower = ClipTower(clip, 64)
    view = tower.look(photo())
    cover = coverage(segments(), view.grid)
    start = text_region(tower.vision, view.values, cover, normalise=True, mlp=False)
    embedder = built(preset, normalise=True, mlp=False)
    found = embedder.embed_segments(photo(), segments()).vectors
    assert_close(found, functional.normalize(start, dim=1), TERMS, scale=1)
    assert replace(preset, embedder={**preset.embedder, "mlp": False}).space != preset.space
    with pytest.raises(PresetInvalid, match="true or false"):
        built(preset, normalise="yes")


def test_or_corr_clip_if_the_preset_says_so(preset: Preset, tiny_towers: Path) -> None:
    clip = load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))
    tower = ClipTower(clip, 64)
    dino = DinoTower(tiny_towers / "dino", 84).look(photo())
    start = corr_clip(tower.vision, tower.look(photo(), middle=True), dino, segments())
    found = built(preset, method="corr-clip").embed_segments(photo(), segments())
    assert_close(found.vectors, functional.normalize(start, dim=1), TERMS, scale=1)


@pytest.mark.parametrize("method", ["text-region", "corr-clip"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_untrained_head_changes_not_a_bit(
    method: str, precision: str, preset: Preset, tmp_path: Path
) -> None:
    settings = {**preset.embedder, "method": method, "precision": precision}
    bare = replace(preset, embedder=settings)
    headed = bare.with_head(saved_head(bare, tmp_path / "head.safetensors", trained=False))
    without, with_head = (
        each.build_embedder().embed_segments(photo(), segments()) for each in (bare, headed)
    )
    np.testing.assert_array_equal(with_head.vectors, without.vectors)
    assert with_head.space != without.space


def test_a_trained_head_is_added_as_the_equations_say(preset: Preset, tmp_path: Path) -> None:
    path = saved_head(preset, tmp_path / "head.safetensors", trained=True)
    headed = preset.with_head(path).build_embedder()
    bare = built(preset)
    clip = bare.clip.look(photo(), levels=(3, 6))
    dino = bare.dino.look(photo(), levels=(3,))
    head = ResidualHead.load(path)
    laid = dino.levels[3].reshape(*dino.grid, -1)
    levels = [clip.levels[3], clip.levels[6], enlarged(laid, clip.grid).flatten(0, 1)]
    expected = []
    first = bare.embed_segments(photo(), segments()).vectors
    for start, mask in zip(first, coverage(segments(), clip.grid), strict=True):
        pooled = torch.zeros(16)
        for patch, area in enumerate(mask / mask.sum()):
            fused = head.scale[3] * head.norm[3](head.project[3](clip.whole))
            for i, level in enumerate(levels):
                fused = fused + head.scale[i] * head.norm[i](head.project[i](level[patch]))
            pooled += area * fused
        h = head.embed.weight @ pooled + head.embed.bias
        expected.append(
            functional.normalize(torch.from_numpy(start) + head.residual.weight @ h, dim=0)
        )
    found = headed.embed_segments(photo(), segments()).vectors
    assert_close(found, torch.stack(expected), TERMS, scale=1)
    assert not np.allclose(found, first, atol=1e-2)


@pytest.mark.parametrize("method", ["text-region", "corr-clip"])
@pytest.mark.parametrize("tiles", [0, 112])
def test_several_photos_are_embedded_as_one_by_one(
    method: str, tiles: int, preset: Preset, tmp_path: Path
) -> None:
    settings = {**preset.embedder, "method": method, "tiles": tiles}
    bare = replace(preset, embedder=settings)
    head = saved_head(bare, tmp_path / "head.safetensors", trained=True)
    embedder = bare.with_head(head).build_embedder()
    turned = Image(np.ascontiguousarray(photo().pixels.swapaxes(0, 1)), (64, 48))
    darker = Image(photo().pixels // 2, (48, 64))
    upright = Segments.from_masks(segments().masks().swapaxes(1, 2)[1:])
    photos = [photo(), turned, darker, photo()]
    masks = [segments(), upright, Segments.empty((48, 64)), segments()]
    together = embedder.embed_all(photos, masks)
    assert [len(found) for found in together] == [3, 2, 0, 3]
    for image, each, found in zip(photos, masks, together, strict=True):
        alone = embedder.embed_segments(image, each).vectors
        assert_close(found.vectors, alone, TERMS, scale=1)
    assert embedder.embed_all([], []) == []


@pytest.mark.parametrize("method", ["text-region", "corr-clip"])
@pytest.mark.parametrize("tiles", [0, 112])
def test_a_proposal_has_the_vector_that_indexing_would_have_given(
    method: str, tiles: int, preset: Preset, tmp_path: Path
) -> None:
    bare = replace(preset, embedder={**preset.embedder, "method": method, "tiles": tiles})
    head = saved_head(bare, tmp_path / "head.safetensors", trained=True)
    embedder = bare.with_head(head).build_embedder()
    indexed = embedder.embed_segments(photo(), segments()).vectors
    assert embedder.depends_on_others is (method == "text-region")
    for number in range(3):
        proposal = segments()[[number]]
        found = embedder.embed_among(photo(), proposal, segments()).vectors
        assert_close(found, indexed[[number]], TERMS, scale=1)
    assert len(embedder.embed_among(photo(), Segments.empty((48, 64)), segments())) == 0


def test_a_head_survives_its_file(preset: Preset, tmp_path: Path) -> None:
    path = saved_head(preset, tmp_path / "head.safetensors", trained=True)
    once, again = ResidualHead.load(path), ResidualHead.load(path)
    again.save(tmp_path / "again.safetensors")
    assert ResidualHead.load(tmp_path / "again.safetensors").shape == once.shape
    assert all(
        torch.equal(a, b)
        for a, b in zip(once.state_dict().values(), again.state_dict().values(), strict=True)
    )


def test_two_heads_have_spaces_of_their_own(preset: Preset, tmp_path: Path) -> None:
    one = preset.with_head(saved_head(preset, tmp_path / "one.safetensors", trained=True))
    other = preset.with_head(saved_head(preset, tmp_path / "other.safetensors", trained=False))
    assert len({preset.space.fingerprint, one.space.fingerprint, other.space.fingerprint}) == 3


def test_a_head_of_other_towers_is_refused(preset: Preset, tmp_path: Path) -> None:
    path = saved_head(preset, tmp_path / "head.safetensors", trained=True, towers="others")
    with pytest.raises(WeightsMismatch, match="other towers"):
        preset.with_head(path).build_embedder()
    (tmp_path / "no.safetensors").write_bytes(b"no head")
    with pytest.raises(WeightsMismatch, match="train one"):
        preset.with_head(tmp_path / "no.safetensors").build_embedder()


def test_dinov2_is_not_loaded_where_it_is_not_needed(preset: Preset) -> None:
    embedder = built(preset)
    embedder.embed_segments(photo(), segments())
    assert "dino" not in vars(embedder)


def test_words_alone_load_no_image_side(preset: Preset) -> None:
    embedder = built(preset)
    assert embedder.embed_texts(["a dog"]).space == preset.space
    assert not {"clip", "dino"} & set(vars(embedder))


def test_nothing_asked_is_nothing_loaded(preset: Preset) -> None:
    embedder = built(preset)
    assert len(embedder.embed_texts([])) == 0
    assert len(embedder.embed_segments(photo(), Segments.empty((48, 64)))) == 0
    assert not {"clip", "dino", "_encode"} & set(vars(embedder))


def test_what_a_preset_lacks_is_told(preset: Preset, tiny_towers: Path) -> None:
    def without(*roles: str) -> Preset:
        kept = {role: each for role, each in preset.weights.items() if role not in roles}
        return replace(preset, weights=kept)

    with pytest.raises(PresetInvalid, match="no CLIP"):
        without("clip").build_embedder()
    with pytest.raises(PresetInvalid, match="DINOv2"):
        built(without("dino"), method="corr-clip")
    for name, value in (("method", "telepathy"), ("precision", "int4"), ("side", 8), ("tiles", 8)):
        with pytest.raises(PresetInvalid, match=f"{name} .*{value}"):
            built(preset, **{name: value})
    with pytest.raises(PresetInvalid, match="32 components"):
        replace(preset, dimension=16).build_embedder().embed_segments(photo(), segments())
    assert built(without("dino")).embed_image(photo()).vectors.shape == (1, 32)


def test_a_preset_of_towers_names_known_settings_only(preset: Preset) -> None:
    with pytest.raises(PresetInvalid, match="sharpness"):
        built(preset, sharpness=3)
