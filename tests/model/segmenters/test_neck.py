import copy

import pytest
import torch
from closeness import assert_close, terms_of
from torch import Tensor, nn

from model.segmenters.neck import Neck, folded

CHANNELS = (3, 4, 5, 6)


def maps(height: int, width: int, photos: int = 2) -> list[Tensor]:
    random = torch.Generator().manual_seed(0)
    return [
        torch.randn(photos, channels, height // stride, width // stride, generator=random)
        for channels, stride in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize("size", [(64, 96), (32, 32), (160, 32)])
def test_three_maps_at_strides_4_8_and_16(size: tuple[int, int]) -> None:
    neck = Neck(CHANNELS, width=8, fine=6).eval()
    pyramid = neck(maps(*size))
    for level, channels, stride in (
        (pyramid.fine, 6, 4),
        (pyramid.grid, 8, 8),
        (pyramid.coarse, 8, 16),
    ):
        assert level.shape == (2, channels, size[0] // stride, size[1] // stride)


def test_the_fine_map_sees_the_whole_photo() -> None:
    neck = Neck(CHANNELS, width=8, fine=6).eval()
    seen = maps(64, 96, photos=1)
    before = neck(seen).fine
    seen[3][0, :, 1, 2] += 10
    assert (neck(seen).fine - before).abs().amax(dim=1)[0, :4, :4].max() > 0


def test_folded_norms_change_nothing() -> None:
    neck = Neck(CHANNELS, width=8, fine=6)
    for _ in range(3):  # so that the norms' averages are not those they start with
        neck([level * 3 + 1 for level in maps(64, 64)])
    neck.eval()
    quick = copy.deepcopy(neck)
    folded(quick)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in quick.modules())
    seen = maps(64, 96)
    for one, other in zip(vars(neck(seen)).values(), vars(quick(seen)).values(), strict=True):
        assert_close(one, other, terms_of(neck))


def test_biases_that_norms_become_are_trained_where_the_norms_were() -> None:
    trained, frozen = (Neck(CHANNELS, width=8, fine=6) for _ in range(2))
    frozen.requires_grad_(False)
    for neck in (trained, frozen):
        folded(neck)
    assert all(parameter.requires_grad for parameter in trained.parameters())
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    pyramid = trained(maps(64, 96))
    sum(level.square().mean() for level in vars(pyramid).values()).backward()
    for name, parameter in trained.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
