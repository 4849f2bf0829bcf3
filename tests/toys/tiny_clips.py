"""CLIPs of each kind at random, as small as they can be, and a photo with a few segments."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import open_clip
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from model.encoders.clip_weights import ClipNetwork
from model.masks.segments import Segments
from model.photos.images import Image

KINDS = ("vit", "resnet", "siglip")
DIMENSION = 16
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
SHAPES: dict[str, dict[str, Any]] = {
    "vit": {"image_size": 32, "layers": 5, "width": 64, "head_width": 32, "patch_size": 8},
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 32},
    "siglip": {
        "image_size": 32, "timm_model_name": "tiny_siglip", "timm_pool": "map", "timm_proj": "none",
    },
}  # fmt: skip


def tiny_siglip(num_classes: int, global_pool: str, **_: Any) -> VisionTransformer:
    """SigLIP's image side: no class token, an attention pool."""
    return VisionTransformer(
        img_size=32, patch_size=8, embed_dim=DIMENSION, depth=3, num_heads=2, class_token=False,
        num_classes=num_classes, global_pool=global_pool,
    )  # fmt: skip


timm.models.register_model(tiny_siglip)


@cache
def tiny_clip(kind: str, dtype: torch.dtype = torch.float64, **vision: Any) -> ClipNetwork:
    """A CLIP of one of `KINDS`, or with other settings of its image side; the same one
    whenever it is asked for."""
    shape = {**SHAPES[kind], **vision}
    build: Any = open_clip.CustomTextCLIP if kind == "siglip" else open_clip.CLIP
    torch.manual_seed(0)
    network = build(embed_dim=DIMENSION, vision_cfg=shape, text_cfg=TEXT).eval()
    for value in network.parameters():
        nn.init.normal_(value, std=0.1)
    mean, deviation = (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)
    tokenizer, device = open_clip.get_tokenizer("ViT-B-32"), torch.device("cpu")
    network = network.to(dtype).requires_grad_(False)
    return ClipNetwork(network, tokenizer, mean, deviation, device, dtype)


def noise_with_segments() -> tuple[Image, Segments]:
    """A photo of 48 × 64 random pixels, two boxes in it and the whole of it."""
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    masks = np.zeros((3, 48, 64), np.bool_)
    masks[0, 4:40, 8:50], masks[1, 20:30, 20:60], masks[2] = True, True, True
    return Image(pixels, (48, 64)), Segments.from_masks(masks)
