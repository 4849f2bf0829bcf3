from pathlib import Path

import numpy as np
import pytest
import torch

from model.encoders.efficientnet import CHANNELS, FINE_CHANNELS, EfficientNetTrunk
from model.photos.images import Image
from model.photos.panoramas import is_panorama
from model.segmenters.dense.fused_network import FusedDense
from model.segmenters.dense.nearer import ADDED
from model.segmenters.dense.network import DenseNetwork
from model.segmenters.dense.segmenter import DenseSegmenter
from model.segmenters.dense.selection import Selection, chosen_segments


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> DenseSegmenter:
    torch.manual_seed(0)
    network = DenseNetwork((FINE_CHANNELS, *CHANNELS[:3]), width=8, fine=8, prototypes=4)
    path = tmp_path_factory.mktemp("weights") / "masks.safetensors"
    network.save(path)
    return DenseSegmenter(path, side=96)


@pytest.mark.parametrize("size", [(90, 120), (1, 1), (3, 200), (300, 200)])
def test_photos_of_any_shape_are_segmented(
    untrained: DenseSegmenter, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    segments = untrained.segment(Image(pixels, size))
    # of a panorama a piece is as long as another photo: here an eighth of it
    longest = max(size) / (8 if is_panorama(size) else 1)
    assert segments.size == tuple(max(round(96 * length / longest), 1) for length in size)
    assert len(segments) <= (300 if is_panorama(size) else 120)  # 100, and 20 small ones
    assert (np.diff(segments.quality) <= 0).all()
    assert (segments.areas > 0).all()


def test_a_photo_is_seen_at_every_side_and_the_trunk_shares_what_it_saw(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = DenseNetwork((FINE_CHANNELS, *CHANNELS[:3]), width=8, fine=8, prototypes=4)
    network.save(tmp_path / "masks.safetensors")
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    image = Image(pixels, (90, 120))
    found = DenseSegmenter(tmp_path / "masks.safetensors", views=(64, 128)).segment(image)

    propose = FusedDense(DenseNetwork.load(tmp_path / "masks.safetensors"))
    views = []
    with torch.inference_mode():
        for side in (128, 64):
            trunk = EfficientNetTrunk.shared(side=side)
            seen = trunk.features(image)
            assert trunk.features(image) is seen
            views += propose([level[None] for level in seen.pyramid])
    expected = chosen_segments(views, (240, 320), Selection())
    np.testing.assert_array_equal(found.masks(), expected.masks())
    np.testing.assert_array_equal(found.quality, expected.quality)


def test_candidates_are_many_more_masks_in_the_same_frame(untrained: DenseSegmenter) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    image = Image(pixels, (90, 120))
    kept, candidates = untrained.segment(image), untrained.candidates(image, 150)
    assert len(kept) <= len(candidates) <= 150
    assert candidates.size == kept.size
    assert len(untrained.candidates(image, 3)) == 3


def test_a_large_photo_is_looked_at_nearer_and_a_small_one_as_before(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = DenseNetwork((FINE_CHANNELS, *CHANNELS[:3]), width=8, fine=8, prototypes=4)
    with torch.no_grad():  # one of three proposals of every cell is a small disk
        bias = network.head.propose.bias
        assert bias is not None
        bias[4], bias[7:9] = 2.2, -4
    network.save(tmp_path / "masks.safetensors")
    afar, near = (
        DenseSegmenter(tmp_path / "masks.safetensors", views=(64, 96), pieces=pieces, piece_side=64)
        for pieces in (0, 2)
    )
    random = np.random.default_rng(2)
    small, large = (
        Image(random.integers(0, 256, (*size, 3)).astype(np.uint8), size)
        for size in ((80, 110), (150, 200))
    )
    assert near.segment(small).counts == afar.segment(small).counts
    trunk = EfficientNetTrunk.shared(side=64)
    seen = trunk.features(large)
    before, after = afar.segment(large), near.segment(large)
    assert trunk.features(large) is seen  # who embeds the photo need not look again
    assert after.size == before.size
    added = set(after.counts) - set(before.counts)
    assert added
    assert len(after) <= 120 + 2 * ADDED
    largest = 0.02 * 1.1 * before.size[0] * before.size[1]  # told by cells of the piece
    areas = dict(zip(after.counts, after.areas.tolist(), strict=True))
    assert max(areas[counts] for counts in added) <= largest
    assert (np.diff(after.quality) <= 0).all()


def test_pieces_have_sides_that_the_trunk_can_look_at(tmp_path: Path) -> None:
    network = DenseNetwork((FINE_CHANNELS, *CHANNELS[:3]), width=8, fine=8, prototypes=4)
    network.save(tmp_path / "masks.safetensors")
    with pytest.raises(ValueError, match="multiple of 32"):
        DenseSegmenter(tmp_path / "masks.safetensors", pieces=1, piece_side=100)
