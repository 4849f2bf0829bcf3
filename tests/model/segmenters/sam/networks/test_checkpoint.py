from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from segment_anything import sam_model_registry
from toy_sam import PHOTO, SIDE, drawing_sam

from model.errors import WeightsMismatch, WeightsMissing
from model.photos.images import Image
from model.segmenters.sam.networks.checkpoint import load_sam, sam_shaped_like
from model.segmenters.sam.networks.folded_sam import FoldedSam
from model.segmenters.sam.segmenter import PointGridSegmenter, SamSegmenter


@pytest.fixture(params=["pth", "safetensors"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Saved as the published ones are: the state, and nothing about its architecture."""
    path = tmp_path / f"sam_vit_t_123456.{request.param}"
    state = drawing_sam().state_dict()
    (torch.save if request.param == "pth" else save_file)(state, path)
    return path


def test_a_checkpoint_tells_its_own_shape(checkpoint: Path) -> None:
    sam, original = load_sam(checkpoint), drawing_sam()
    assert str(sam) == str(original)
    assert sam.image_encoder.img_size == SIDE
    assert sam.image_encoder.blocks[0].window_size == 3
    assert sam.image_encoder.blocks[1].window_size == 0
    assert torch.equal(sam.pixel_mean, original.pixel_mean)
    state = original.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in sam.state_dict().items())


@pytest.mark.parametrize("name", ["vit_b", "vit_l", "vit_h"])
def test_the_published_sizes_are_recognised(name: str) -> None:
    with torch.device("meta"):
        published = sam_model_registry[name]()
    recognised = sam_shaped_like(published.state_dict())
    assert str(recognised) == str(published)
    shapes = {key: value.shape for key, value in published.state_dict().items()}
    assert {key: value.shape for key, value in recognised.state_dict().items()} == shapes
    heads = [sam.image_encoder.blocks[0].attn.num_heads for sam in (recognised, published)]
    assert heads[0] == heads[1]


def test_the_segmenter_of_a_checkpoint_finds_what_the_model_finds(checkpoint: Path) -> None:
    image, settings = Image(PHOTO, PHOTO.shape[:2]), {"points_per_side": 8}
    expected = PointGridSegmenter(FoldedSam(drawing_sam()), **settings).segment(image)
    segmenter = SamSegmenter(checkpoint, precision="float32", device="cpu", **settings)
    segments = segmenter.segment(image)
    assert len(segments) > 5
    assert segments.counts == expected.counts
    assert np.array_equal(segments.quality, expected.quality)


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (sys.exit, (3,))


@pytest.mark.parametrize("kind", ["pickle", "text", "another", "half"])
def test_what_is_no_sam_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    if kind == "pickle":
        torch.save({"image_encoder": Trap()}, path)
    elif kind == "text":
        path.write_text("<html>Not Found</html>")
    elif kind == "another":
        torch.save({"layer.weight": torch.zeros(3)}, path)
    else:
        state = drawing_sam().state_dict()
        torch.save({name: value for name, value in state.items() if "iou" not in name}, path)
    with pytest.raises(WeightsMismatch, match="does not hold the weights of a SAM"):
        load_sam(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no weights at"):
        SamSegmenter(tmp_path / "sam_vit_b.pth")
