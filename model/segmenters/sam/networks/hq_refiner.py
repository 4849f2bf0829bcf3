"""Refinement that SAM-HQ adds to the masks of a point: one more drawing, of finer features.

With a point's enlarged cells U, the photo's details D and the weights t that one more token gives
(Ke et al. 2023, "Segment Anything in High Quality", §3.2):

    m = t · (conv₂(act(norm(conv₁(U)))) + D)

Both conv₂ and t are linear, so together they are one kernel of 3×3 for each point, with one output
instead of C₂; it is applied as nine products, whose results are shifted and added.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.segmenters.sam.networks.decoder_parts import RefiningParts

_SIDE = 3  # of the kernels


class Refiner:
    """The further drawing of a decoder, for many points of one photo.

    Args:
        parts: parts of the decoder.
        activation: between the convolutions.
        dtype: number format of the arithmetic.
    """

    def __init__(self, parts: RefiningParts, activation: nn.Module, dtype: torch.dtype) -> None:
        assert parts.first.bias is not None
        assert parts.second.bias is not None
        self._first = parts.first.weight.to(dtype, memory_format=torch.channels_last)
        self._first_bias = parts.first.bias.to(dtype)
        self._norm = (parts.norm.weight.to(dtype), parts.norm.bias.to(dtype), parts.norm.eps)
        self._activation = activation
        # 9×C₁ columns for each of C₂ outputs, tap by tap
        self._second = parts.second.weight.permute(0, 2, 3, 1).flatten(1).to(dtype)
        self._second_bias = parts.second.bias.to(dtype)

    def __call__(self, enlarged: Tensor, mixer: Tensor, detail: Tensor) -> Tensor:
        """R×H×W logits.

        Args:
            enlarged: R×H×W×C₂, each point's cells.
            mixer: R×C₂, what each point's token gives.
            detail: C₂×H×W, of the photo.
        """
        count, height, width = enlarged.shape[:3]
        middle = functional.conv2d(
            enlarged.permute(0, 3, 1, 2), self._first, self._first_bias, padding=_SIDE // 2
        ).permute(0, 2, 3, 1)
        middle = functional.layer_norm(middle, middle.shape[3:], *self._norm)
        flat = self._activation(middle).flatten(1, 2)
        kernels = (mixer @ self._second).view(count, _SIDE**2, -1)
        taps = torch.bmm(kernels, flat.transpose(1, 2)).view(count, -1, height, width)
        logits = mixer @ detail.flatten(1) + (mixer @ self._second_bias)[:, None]
        return logits.view(count, height, width) + _shifted_sum(taps)


def photo_detail(decoder: Any, cells: Tensor, early: Tensor) -> Tensor:
    """C₂×4h×4w: what the image encoder says of a photo at its end and early on, enlarged.

    Args:
        decoder: a `SamHQMaskDecoder`.
        cells: C×h×w of the encoder.
        early: h×w×V, tokens of its first block with global attention.
    """
    act = decoder.activation
    late: Tensor = decoder.encoder_conv2(
        act(decoder.encoder_norm(decoder.encoder_conv1(cells[None])))
    )
    tokens = early.permute(2, 0, 1)[None].contiguous()
    first: Tensor = decoder.compress_vit_conv2(
        act(decoder.compress_vit_norm(decoder.compress_vit_conv1(tokens)))
    )
    return (late + first)[0]


def _shifted_sum(taps: Tensor) -> Tensor:
    """R×H×W sums of the nine maps (R×9×H×W) of a kernel's taps, each moved to where it counts."""
    count, _, height, width = taps.shape
    total = taps.new_zeros((count, height + _SIDE - 1, width + _SIDE - 1))
    for number in range(_SIDE**2):
        y, x = _SIDE - 1 - number // _SIDE, _SIDE - 1 - number % _SIDE
        total[:, y : y + height, x : x + width] += taps[:, number]
    return total[:, 1 : height + 1, 1 : width + 1]
