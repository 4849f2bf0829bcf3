"""The frozen image trunk: EfficientNet-Lite2's feature maps at strides 4 to 32."""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from timm.layers import BatchNormAct2d
from torch import Tensor, nn

from model.encoders.fused_trunk import FusedTrunk
from model.photos.images import Image
from model.weights.tensor_file import network_file
from model.weights.weights import bundled

STRIDE = 32  # both sides of the input are multiples of it, so that all maps' cells nest
CHANNELS = (48, 120, 352, 1280)
FINE_CHANNELS = 24
_FINE_BLOCK = 1
_BLOCKS = (2, 4, 6)
_REMEMBERED = 4  # images whose maps are kept, 3.5 MB each at 448 pixels


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """Feature maps of the trunk for one image.

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
        dtype: number format in which `features` are computed.

    Raises:
        WeightsMissing: there is no such file.
        WeightsMismatch: the file holds weights of another network.
    """

    def __init__(
        self, path: Path | None = None, side: int = 448, dtype: torch.dtype = torch.float32
    ) -> None:
        require_sides("side", side)
        self._side = side
        self._dtype = dtype
        self._path = path or BUNDLED.path()
        self._network = _network(self._path)
        self._seen: OrderedDict[int, tuple[weakref.ref[Image], FeatureMaps]] = OrderedDict()

    @classmethod
    def shared(
        cls, path: Path | None = None, side: int = 448, dtype: torch.dtype = torch.float32
    ) -> EfficientNetTrunk:
        """The one trunk of these weights, this side and this number format in this process.

        Who looks at the same photo at the same side through it, lets it look once. Trunks of
        several sides have the same weights in memory.
        """
        return _shared_trunk(path or BUNDLED.path(), side, dtype)

    @cached_property
    def fingerprint(self) -> str:
        """Mark of this trunk: the digest of its weights, and its input's side; where it does not
        compute in float32, its number format."""
        digest = hashlib.sha256()
        for name, values in sorted(_published(self._path).state_dict().items()):
            digest.update(f"{name} {tuple(values.shape)}".encode())
            digest.update(values.contiguous().numpy().tobytes())
        rounded = "" if self._dtype is torch.float32 else f" {self._dtype}"
        return f"{digest.hexdigest()} {self._side}{rounded}"

    def features(self, image: Image) -> FeatureMaps:
        """The maps of one image, from one forward pass; those of the last few that somebody still
        has are remembered: a photo and its pieces."""
        known = self._seen.get(id(image))
        if known is None or known[0]() is not image:
            gone = [key for key, (other, _) in self._seen.items() if other() is None]
            for key in gone:
                del self._seen[key]
            known = weakref.ref(image), self._forward(image)
            self._seen[id(image)] = known
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return known[1]

    @torch.inference_mode()
    def class_scores(self, pooled: Tensor) -> Tensor:
        """N×1000 logits of the ImageNet classes, from N×1280 means over the last of the maps."""
        scores: Tensor = self._network.classifier(pooled)
        return scores

    @torch.inference_mode()
    def _forward(self, image: Image) -> FeatureMaps:
        fused = _fused(self._path, self._dtype)
        stages = fused.stages(_as_input(image.pixels, self._side))
        seen = [stages[index] for index in (_FINE_BLOCK, *_BLOCKS)]
        fine, *maps = (level[0].float() for level in (*seen, fused.last(seen[-1])))
        return FeatureMaps(tuple(maps), fine)

    @torch.no_grad()
    def pyramids(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Maps of a batch at strides 4, 8, 16 and 32, B×channels×h×w each.

        Args:
            inputs: B×3×h×w in [-1, 1], see `scaled_input`; both sides are multiples of 32.
        """
        x = self._network.bn1(self._network.conv_stem(inputs))
        seen: list[Tensor] = []
        for block in self._network.blocks:
            x = block(x)
            seen.append(x)
        return tuple(seen[index] for index in (_FINE_BLOCK, *_BLOCKS))


@lru_cache(maxsize=8)
def _shared_trunk(path: Path, side: int, dtype: torch.dtype) -> EfficientNetTrunk:
    return EfficientNetTrunk(path, side, dtype)


@lru_cache(maxsize=2)
def _fused(path: Path, dtype: torch.dtype) -> FusedTrunk:
    return FusedTrunk(_network(path), dtype)


@lru_cache(maxsize=2)
def _network(path: Path) -> Any:
    """The network of these weights, for inference: one in this process, whatever the sides."""
    network = _published(path).eval().requires_grad_(False)
    for module in network.modules():
        _fold(module)
    return network.to(memory_format=torch.channels_last)


def _fold(module: nn.Module) -> None:
    """Fold the batch norms that are a module's own into the convolutions before them, in place;
    what stays is their activation."""
    convolution: nn.Module = module
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            convolution = child
        elif isinstance(child, BatchNormAct2d):
            assert isinstance(convolution, nn.Conv2d)
            convolution.weight, convolution.bias = nn.utils.fusion.fuse_conv_bn_weights(
                convolution.weight,
                convolution.bias,
                child.running_mean,
                child.running_var,
                child.eps,
                child.weight,
                child.bias,
            )
            setattr(module, name, child.act)


def _published(path: Path) -> Any:
    """The network of these weights, layer by layer as published."""
    network: Any = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    with network_file(
        path,
        "the weights of EfficientNet-Lite2",
        "reinstall segsearch, or mend the path in the preset's file",
    ) as (_, tensors):
        network.load_state_dict({key: value.float() for key, value in tensors.items()})
    return network


def require_sides(name: str, *sides: int) -> None:
    """Raises ValueError, which calls them by that name, unless the trunk can look at them all."""
    if not sides:
        raise ValueError(f"{name} is empty, expected a multiple of {STRIDE} pixels at least")
    for side in sides:
        if side < STRIDE or side % STRIDE:
            raise ValueError(f"{name} is {side}, expected a multiple of {STRIDE} pixels")


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
    return scaled_input(np.asarray(resized)[None])


def scaled_input(pixels: NDArray[np.uint8]) -> Tensor:
    """B×3×h×w in [-1, 1], channels last, from B×h×w×3 pixels."""
    scaled = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1)
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


BUNDLED = bundled(
    role="trunk",
    file="nano/trunk.safetensors",
    sha256="e7bb7efb4f394f6aaf0ccc211e900196eebbc1efb6c45accc0f8a541f55e4997",
    licence="Apache-2.0",
)
