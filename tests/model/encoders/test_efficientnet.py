from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from safetensors.torch import save_file

from model.encoders.efficientnet import (
    BUNDLED,
    CHANNELS,
    FINE_CHANNELS,
    EfficientNetTrunk,
    scaled_input,
)
from model.errors import WeightsMismatch
from model.photos.images import Image
from model.training.bundle_towers import published_trunk
from model.training.dense_masks.task import MaskSettings
from model.training.prompts.task import PromptSettings


@pytest.fixture(scope="module")
def trunk() -> EfficientNetTrunk:
    return EfficientNetTrunk(side=128)


def photo(height: int, width: int) -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Image(pixels, (height, width))


def test_maps_cover_the_photo_at_three_strides(trunk: EfficientNetTrunk) -> None:
    maps = trunk.features(photo(90, 120)).maps
    assert [tuple(m.shape) for m in maps] == [
        (channels, 96 // stride, 128 // stride)
        for channels, stride in zip(CHANNELS, (8, 16, 32, 32), strict=True)
    ]
    assert all(m.isfinite().all() for m in maps)


def test_masks_are_made_from_maps_at_four_strides(trunk: EfficientNetTrunk) -> None:
    pyramid = trunk.features(photo(90, 120)).pyramid
    assert [tuple(m.shape[1:]) for m in pyramid] == [
        (96 // stride, 128 // stride) for stride in (4, 8, 16, 32)
    ]
    assert pyramid[0].shape[0] == FINE_CHANNELS


def test_one_photo_is_looked_at_once(trunk: EfficientNetTrunk) -> None:
    image = photo(90, 120)
    seen = trunk.features(image)
    assert trunk.features(image) is seen
    other = photo(90, 120)
    assert trunk.features(other) is not seen
    again = trunk.features(other).maps[-1]
    assert torch.equal(again, seen.maps[-1])  # the very same arithmetic


def test_a_process_loads_the_trunk_once() -> None:
    shared = EfficientNetTrunk.shared(side=64)
    assert EfficientNetTrunk.shared(BUNDLED.path(), 64) is shared


def test_trunks_of_two_sides_have_the_same_weights_in_memory() -> None:
    one, other = (EfficientNetTrunk.shared(side=side) for side in (64, 96))
    image = photo(96, 96)
    assert one.features(image).maps[0].shape[1:] == (8, 8)
    assert other.features(image).maps[0].shape[1:] == (12, 12)
    pooled = torch.ones(1, CHANNELS[-1])
    assert torch.equal(one.class_scores(pooled), other.class_scores(pooled))
    assert one._network is other._network
    assert one.fingerprint != other.fingerprint


def test_a_batch_is_seen_as_its_photos_are(trunk: EfficientNetTrunk) -> None:
    images = [photo(96, 128), Image(255 - photo(96, 128).pixels, (96, 128))]
    together = trunk.pyramids(scaled_input(np.stack([image.pixels for image in images])))
    for number, image in enumerate(images):
        for level, alone in zip(together, trunk.features(image).pyramid, strict=True):
            assert_close(level[number], alone, terms_of(trunk._network))


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (1000, 3)])
def test_any_shape_has_features(trunk: EfficientNetTrunk, size: tuple[int, int]) -> None:
    assert min(trunk.features(photo(*size)).maps[-1].shape) >= 1


def test_the_maps_are_those_of_the_published_network(trunk: EfficientNetTrunk) -> None:
    import timm

    network = timm.create_model("tf_efficientnet_lite2", pretrained=False).eval()
    network.load_state_dict(published_trunk())
    image = photo(128, 96)
    pixels = torch.from_numpy(image.pixels.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = network.forward_features(pixels)[0]
    found = trunk.features(image).maps[-1]
    assert (found - expected).norm() < 0.01 * expected.norm()  # the bundled weights are float16


def test_in_bfloat16_the_maps_are_nearly_the_same_and_the_trunk_another(
    trunk: EfficientNetTrunk,
) -> None:
    rounded = EfficientNetTrunk(side=128, dtype=torch.bfloat16)
    rows, columns = np.mgrid[:96, :128]
    pixels = np.stack([rows, columns, rows ^ columns], axis=-1).astype(np.uint8)
    image = Image(pixels, (96, 128))
    for found, expected in zip(
        rounded.features(image).maps, trunk.features(image).maps, strict=True
    ):
        assert found.dtype == torch.float32
        assert 0 < (found - expected).norm() < 0.1 * expected.norm()
    assert rounded.fingerprint == f"{trunk.fingerprint} torch.bfloat16"


def test_the_bundled_weights_are_the_ones_meant() -> None:
    assert BUNDLED.checked_path().is_file()


def test_weights_of_another_network_are_told(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsMismatch, match="EfficientNet-Lite2"):
        EfficientNetTrunk(tmp_path / "other.safetensors")


def test_a_side_that_cells_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        EfficientNetTrunk(side=100)


def test_settings_with_such_sides_are_refused() -> None:
    for settings in (MaskSettings, PromptSettings):
        with pytest.raises(ValueError, match="side is 450, expected a multiple of 32 pixels"):
            settings(side=450)
    with pytest.raises(ValueError, match="small is 100, expected a multiple of 32 pixels"):
        PromptSettings(small=100)
