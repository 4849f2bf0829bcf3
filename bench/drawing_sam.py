"""Random weights whose masks look like masks: for measuring where there are no published ones.

A SAM of random weights answers every point with much the same noise. What is changed here keeps
the architecture, its sizes and its cost: tokens look where their point lies, a mask is the part of
the photo whose features resemble those found there, and scores are spread around the thresholds.
So many points agree on few masks, as with trained weights, and some of them survive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from segment_anything import SamPredictor
from segment_anything.modeling import Sam
from torch import Tensor, nn

_CONSTANT = 4.0  # what the first enlarged channel is made to be everywhere


@dataclass(frozen=True)
class Drawing:
    """How the masks shall be.

    Attributes:
        shares: of the photo that the single mask and the three hypotheses cover, about.
        contrast: standard deviation of the logits; the larger, the stabler.
        quality: mean and standard deviation of the estimated IoU.
        sharpness: of attention to a token's own place.
    """

    shares: tuple[float, ...] = (0.1, 0.03, 0.1, 0.25)
    contrast: float = 80.0
    quality: tuple[float, float] = (0.87, 0.05)
    sharpness: float = 3.0


@torch.no_grad()
def let_draw(sam: Sam, photo: NDArray[np.uint8], drawing: Drawing | None = None) -> Sam:
    """Change a randomly initialised SAM in place so that it draws masks for a photo like this."""
    drawing = drawing or Drawing()
    decoder, random = sam.mask_decoder, torch.Generator().manual_seed(0)
    for name, parameter in sam.image_encoder.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            parameter.copy_(torch.randn(parameter.shape, generator=random) * 0.02)
    for name, module in decoder.transformer.named_modules():
        if "image" in name and hasattr(module, "q_proj"):
            nn.init.orthogonal_(module.q_proj.weight, drawing.sharpness)
            module.k_proj.weight.copy_(module.q_proj.weight)
    first, _, _, second, last = decoder.output_upscaling
    for layer in (first, second):  # no pattern inside a cell
        layer.weight.copy_(3 * layer.weight[:, :, :1, :1].expand_as(layer.weight))
    second.weight[:, 0], second.bias[0] = 0, _CONSTANT

    seen: dict[object, Tensor] = {}
    mixers = [network.layers[-1] for network in decoder.output_hypernetworks_mlps]
    hooks = [
        module.register_forward_hook(lambda module, _, out: seen.__setitem__(module, out))
        for module in (last, *mixers)
    ]
    ask = _Asking(sam, photo, random)
    ask()
    channels = seen[last].mean(dim=(0, 2, 3))
    for layer in mixers:  # what all points have in common says nothing
        layer.bias -= seen[layer].mean(dim=0)
        for part in (layer.weight, layer.bias[:, None]):
            part[0] = -(channels[1:, None] * part[1:]).sum(dim=0) / channels[0]
    logits, quality = ask()
    for layer, mask, share in zip(mixers, logits.unbind(dim=1), drawing.shares, strict=True):
        some = mask.flatten()[:: max(mask.numel() >> 20, 1)]
        scale = drawing.contrast / some.std()
        layer.weight *= scale
        layer.bias *= scale
        layer.bias[0] -= scale * some.quantile(1 - share) / _CONSTANT
    judge = decoder.iou_prediction_head.layers[-1]
    scale = drawing.quality[1] / quality.std(dim=0)
    judge.weight *= scale[:, None]
    judge.bias.copy_((judge.bias - quality.mean(dim=0)) * scale + drawing.quality[0])
    for hook in hooks:
        hook.remove()
    return sam


class _Asking:
    """The same points of the same photo, asked again."""

    def __init__(
        self, sam: Sam, photo: NDArray[np.uint8], random: torch.Generator, points: int = 32
    ) -> None:
        predictor = SamPredictor(sam)
        predictor.set_image(photo)
        height, width = predictor.input_size
        places = torch.rand(points, 1, 2, generator=random) * torch.tensor([width, height])
        labels = torch.ones(points, 1, dtype=torch.int)
        sparse, dense = sam.prompt_encoder(points=(places, labels), boxes=None, masks=None)
        self._decoder = sam.mask_decoder
        self._inputs = {
            "image_embeddings": predictor.features,
            "image_pe": sam.prompt_encoder.get_dense_pe(),
            "sparse_prompt_embeddings": sparse,
            "dense_prompt_embeddings": dense,
        }
        self._valid = [side / sam.image_encoder.img_size for side in (height, width)]

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Logits of all masks where there is a photo, and their estimated IoUs."""
        logits, quality = self._decoder.predict_masks(**self._inputs)
        height, width = (int(part * logits.shape[-1]) for part in self._valid)
        return logits[..., :height, :width], quality


def soft_photo(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """H×W×3 uint8: clouds of colour a tenth of the photo wide."""
    random = np.random.default_rng(seed)
    small = random.random((13, 13 * width // height, 3))
    zoom = (height / small.shape[0], width / small.shape[1], 1)
    photo = ndimage.zoom(small, zoom, order=3)[:height, :width]
    spread = (photo - photo.min()) / np.ptp(photo)
    return np.asarray(spread * 255, np.uint8)
