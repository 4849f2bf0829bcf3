"""The frozen image trunk: EfficientNet-Lite2's feature maps at strides 4 to 32."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model.errors import WeightsMismatch, shown
from model.images import Image
from model.weights import bundled

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
    """EfficientNet-Lite2 in evaluation mode on the CPU.

    Args:
        path: its weights under timm's names, a safetensors file; by default the bundled ones.
        side: the input's longer side, pixels; a multiple of 32.

    Raises:
        WeightsMissing: there is no such file.
        WeightsMismatch: the file holds weights of another network.
    """

    def __init__(self, path: Path | None = None, side: int = 448) -> None:
        if side < STRIDE or side % STRIDE:
            raise ValueError(f"side is {side}, expected a multiple of {STRIDE}")
        self._side = side
        path = path or BUNDLED.path()
        network: Any = timm.create_model("tf_efficientnet_lite2", pretrained=False)
        try:
            network.load_state_dict({key: value.float() for key, value in load_file(path).items()})
        except (OSError, SafetensorError, RuntimeError) as error:
            raise WeightsMismatch(
                f"{shown(path)} does not hold the weights of EfficientNet-Lite2",
                "reinstall segsearch, or mend the path in the preset's file",
            ) from error
        self._network = network.eval().to(memory_format=torch.channels_last)
        self._last: tuple[weakref.ref[Image], FeatureMaps] | None = None

    @classmethod
    def shared(cls, path: Path | None = None, side: int = 448) -> EfficientNetTrunk:
        """The one trunk of these weights in this process.

        Segmenter and embedder look at the same photo through it, and it looks once.
        """
        return _shared_trunk(path or BUNDLED.path(), side)

    @cached_property
    def fingerprint(self) -> str:
        """What tells this trunk from others: the digest of its weights, and its input's side."""
        digest = hashlib.sha256()
        for name, values in sorted(self._network.state_dict().items()):
            digest.update(f"{name} {tuple(values.shape)}".encode())
            digest.update(values.contiguous().numpy().tobytes())
        return f"{digest.hexdigest()} {self._side}"

    def features(self, image: Image) -> FeatureMaps:
        """The maps of one image, from one forward pass; the last image's are remembered."""
        if self._last is None or self._last[0]() is not image:
            self._last = (weakref.ref(image), self._forward(image))
        return self._last[1]

    @torch.inference_mode()
    def class_scores(self, pooled: Tensor) -> Tensor:
        """N×1000 logits of the ImageNet classes, from N×1280 means over the last of the maps."""
        scores: Tensor = self._network.classifier(pooled)
        return scores

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


def input_size(size: tuple[int, int], side: int = 448) -> tuple[int, int]:
    """(height, width) at which a photo of `size` is looked at: the longer one is `side`, the other
    the nearest multiple of 32."""
    ratio = side / max(size)
    height, width = (max(round(length * ratio / STRIDE), 1) * STRIDE for length in size)
    return height, width


def _as_input(pixels: NDArray[np.uint8], side: int) -> Tensor:
    """1×3×h×w in [-1, 1]."""
    h, w = input_size((pixels.shape[0], pixels.shape[1]), side)
    resized = PillowImage.fromarray(pixels).resize((w, h), PillowImage.Resampling.BILINEAR)
    scaled = np.asarray(resized, np.float32) / 127.5 - 1
    tensor = torch.from_numpy(scaled).permute(2, 0, 1)[None]
    return tensor.contiguous(memory_format=torch.channels_last)


BUNDLED = bundled(
    role="trunk",
    file="nano/trunk.safetensors",
    sha256="e7bb7efb4f394f6aaf0ccc211e900196eebbc1efb6c45accc0f8a541f55e4997",
    licence="Apache-2.0",
)
