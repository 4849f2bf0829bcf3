"""A SAM small enough for tests, of segment-anything's own classes, with weights that draw masks."""

from __future__ import annotations

import copy
from functools import cache, partial

import torch
from drawing_sam import let_draw, soft_photo
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)
from torch import nn

SIDE, WIDTH = 128, 64
PHOTO = soft_photo(90, 125)


def random_sam() -> Sam:
    torch.manual_seed(0)
    cells = SIDE // 16
    sam = Sam(
        ImageEncoderViT(
            img_size=SIDE,
            depth=2,
            embed_dim=48,
            num_heads=3,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            global_attn_indexes=(1,),
            window_size=3,
            out_chans=WIDTH,
        ),
        PromptEncoder(WIDTH, (cells, cells), (SIDE, SIDE), 16),
        MaskDecoder(
            transformer_dim=WIDTH,
            transformer=TwoWayTransformer(depth=2, embedding_dim=WIDTH, num_heads=8, mlp_dim=96),
        ),
        [123.675, 116.28, 103.53],
        [58.395, 57.12, 57.375],
    )
    for name, parameter in sam.image_encoder.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            nn.init.normal_(parameter, std=0.3)
    return sam.eval().requires_grad_(False)


@cache
def _drawing() -> Sam:
    return let_draw(random_sam(), PHOTO)


def drawing_sam() -> Sam:
    """One of its own for each who asks."""
    return copy.deepcopy(_drawing())
